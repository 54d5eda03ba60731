//! The users of the original's database, with obviously invented names.

use sqlx::{MySqlConnection, QueryBuilder};

use super::random::SeededRandom;
use super::{BATCH, datetime};

/// A row of `User`.
#[derive(Debug, Clone)]
pub(super) struct OriginalUser {
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) email: String,
    pub(super) group: &'static str,
    pub(super) created_at: i64,
}

impl OriginalUser {
    /// Returns the label below the root domain, as the original derives it from the user name.
    pub(super) fn label(&self) -> String {
        self.username.replace('.', "").to_lowercase()
    }
}

/// Generates `count` users. User 3 has a reserved label, user 5 an underscore and user 7 a capital
/// letter in the user name. One in a hundred has the label of the user before, because their user
/// names differ only in a dot.
pub(super) fn generate(count: usize, now: i64, random: &mut SeededRandom) -> Vec<OriginalUser> {
    let mut users: Vec<OriginalUser> = Vec::with_capacity(count);
    for n in 1..=count {
        let before = n.saturating_sub(1);
        let username = match n {
            3 => "ad.min".to_owned(),
            5 => format!("student_{n:05}"),
            7 => format!("Student{n:05}"),
            // Shares a domain with the user before.
            _ if n % 100 == 9 => format!("student.{before:05}"),
            _ if n % 20 == 0 => format!("teacher{n:05}"),
            _ => format!("student{n:05}"),
        };
        let group = match n {
            1 => "mycustomdomain-students,mycustomdomain-admins",
            _ if n % 20 == 0 => "mycustomdomain-faculty",
            _ if n % 50 == 1 => "mycustomdomain-dev-students",
            _ => "mycustomdomain-students",
        };
        users.push(OriginalUser {
            display_name: format!("Student Number {n}"),
            email: format!("{username}@school.example"),
            username,
            group,
            created_at: now - random.days(200, 1_200),
        });
    }
    users
}

pub(super) async fn insert(
    db: &mut MySqlConnection,
    users: &[OriginalUser],
) -> Result<(), sqlx::Error> {
    for batch in users.chunks(BATCH) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO `User` (username, displayName, email, `group`, createdAt, updatedAt) ",
        );
        insert.push_values(batch, |mut row, user| {
            row.push_bind(&user.username)
                .push_bind(&user.display_name)
                .push_bind(&user.email)
                .push_bind(user.group)
                .push_bind(datetime(user.created_at))
                .push_bind(datetime(user.created_at));
        });
        insert.build().execute(&mut *db).await?;
    }
    Ok(())
}
