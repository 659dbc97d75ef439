ALTER TABLE `builds` ADD `source` text;--> statement-breakpoint
ALTER TABLE `generations` ADD `formation` text;