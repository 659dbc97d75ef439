CREATE TABLE `build_caches` (
	`ref` text PRIMARY KEY NOT NULL,
	`used_at` integer NOT NULL,
	`size_bytes` integer
);
