CREATE TABLE `acme_accounts` (
	`directory` text PRIMARY KEY NOT NULL,
	`url` text,
	`key_sealed` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `certificate_names` (
	`name` text PRIMARY KEY NOT NULL,
	`auto` integer,
	`failures` integer DEFAULT 0 NOT NULL,
	`problem` text,
	`retry_at` integer
);
--> statement-breakpoint
CREATE TABLE `certificates` (
	`id` text PRIMARY KEY NOT NULL,
	`names` text NOT NULL,
	`source` text NOT NULL,
	`issuer` text NOT NULL,
	`chain` text NOT NULL,
	`key_sealed` text NOT NULL,
	`not_before` integer NOT NULL,
	`not_after` integer NOT NULL,
	`created_at` integer NOT NULL
);
