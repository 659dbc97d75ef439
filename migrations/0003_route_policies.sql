CREATE TABLE `route_policies` (
	`route_id` text PRIMARY KEY NOT NULL,
	`policy_sealed` text NOT NULL,
	FOREIGN KEY (`route_id`) REFERENCES `routes`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `route_shares` (
	`route_id` text NOT NULL,
	`app_id` text NOT NULL,
	`type` text NOT NULL,
	`port` integer,
	`weight` integer NOT NULL,
	PRIMARY KEY(`route_id`, `app_id`),
	FOREIGN KEY (`route_id`) REFERENCES `routes`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`app_id`) REFERENCES `apps`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `tcp_routes` (
	`listen_port` integer PRIMARY KEY NOT NULL,
	`space` text NOT NULL,
	`app_id` text,
	`type` text NOT NULL,
	`port` integer,
	`proxy_protocol` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`space`) REFERENCES `spaces`(`name`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`app_id`) REFERENCES `apps`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
ALTER TABLE `routes` ADD `weight` integer;