//! The tables, as they were.

use sqlx::MySqlConnection;

/// Strings are varchar(191), times DATETIME(3) in UTC, foreign keys cascade.
const TABLES: &str = "
CREATE TABLE `User` (
    `username` VARCHAR(191) NOT NULL,
    `displayName` VARCHAR(191) NOT NULL,
    `email` VARCHAR(191) NOT NULL,
    `group` VARCHAR(191) NOT NULL,
    `createdAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    `updatedAt` DATETIME(3) NOT NULL,
    UNIQUE INDEX `User_email_key` (`email`),
    PRIMARY KEY (`username`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE `Certificate` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `username` VARCHAR(191) NOT NULL,
    `domain` VARCHAR(191) NOT NULL,
    `orderUrl` VARCHAR(191) NULL,
    `privateKey` TEXT NULL,
    `certificate` TEXT NULL,
    `chain` TEXT NULL,
    `validFrom` DATETIME(3) NULL,
    `validTo` DATETIME(3) NULL,
    `lastNotified` DATETIME(3) NULL,
    `status` ENUM('failed', 'issued', 'pending') NOT NULL DEFAULT 'pending',
    UNIQUE INDEX `Certificate_orderUrl_key` (`orderUrl`),
    PRIMARY KEY (`id`),
    CONSTRAINT `Certificate_username_fkey` FOREIGN KEY (`username`) REFERENCES `User` (`username`)
        ON DELETE CASCADE ON UPDATE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE `Challenge` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `domain` VARCHAR(191) NOT NULL,
    `challengeKey` VARCHAR(191) NOT NULL,
    `certificateId` INTEGER NOT NULL,
    PRIMARY KEY (`id`),
    CONSTRAINT `Challenge_certificateId_fkey` FOREIGN KEY (`certificateId`)
        REFERENCES `Certificate` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE `DnsRecord` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `username` VARCHAR(191) NOT NULL,
    `subdomain` VARCHAR(191) NOT NULL,
    `type` ENUM('A', 'AAAA', 'CNAME', 'MX', 'TXT') NOT NULL,
    `value` VARCHAR(191) NOT NULL,
    `description` VARCHAR(191) NULL,
    `course` VARCHAR(191) NULL,
    `ports` VARCHAR(191) NULL,
    `challengeId` INTEGER NULL,
    `createdAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    `updatedAt` DATETIME(3) NOT NULL,
    `expiresAt` DATETIME(3) NOT NULL,
    `lastNotified` DATETIME(3) NULL,
    PRIMARY KEY (`id`),
    CONSTRAINT `DnsRecord_username_fkey` FOREIGN KEY (`username`) REFERENCES `User` (`username`)
        ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT `DnsRecord_challengeId_fkey` FOREIGN KEY (`challengeId`)
        REFERENCES `Challenge` (`id`) ON DELETE CASCADE ON UPDATE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE `SystemState` (
    `unique` INTEGER NOT NULL DEFAULT 0,
    `reconciliationNeeded` BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (`unique`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE `_prisma_migrations` (
    `id` VARCHAR(36) NOT NULL,
    `checksum` VARCHAR(64) NOT NULL,
    `finished_at` DATETIME(3) NULL,
    `migration_name` VARCHAR(255) NOT NULL,
    `logs` TEXT NULL,
    `rolled_back_at` DATETIME(3) NULL,
    `started_at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    `applied_steps_count` INTEGER UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
INSERT INTO `SystemState` (`unique`, `reconciliationNeeded`) VALUES (0, false)
";

pub(super) async fn create(db: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    super::execute(db, TABLES).await
}
