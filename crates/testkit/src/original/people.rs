//! People, with plainly made-up names.

use sqlx::{MySqlConnection, QueryBuilder};

use super::dice::Dice;
use super::{BATCH, datetime};

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(super) struct Somebody {
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) email: String,
    pub(super) group: &'static str,
    pub(super) created_at: i64,
}

impl Somebody {
    /// What stands between their names and the root.
    pub(super) fn label(&self) -> String {
        self.username.replace('.', "").to_lowercase()
    }
}

/// Every hundredth person, at most: the first three of them have a user name that makes no label,
/// the rest that of the person before with a dot in it.
pub(super) fn make(count: usize, now: i64, dice: &mut Dice) -> Vec<Somebody> {
    let mut people: Vec<Somebody> = Vec::with_capacity(count);
    for n in 1..=count {
        let before = n.saturating_sub(1);
        let username = match n {
            3 => "ad.min".to_owned(),
            5 => format!("student_{n:05}"),
            7 => format!("Student{n:05}"),
            // Shares a domain with the person before.
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
        people.push(Somebody {
            display_name: format!("Student Number {n}"),
            email: format!("{username}@school.example"),
            username,
            group,
            created_at: now - dice.days(200, 1_200),
        });
    }
    people
}

pub(super) async fn insert(
    db: &mut MySqlConnection,
    people: &[Somebody],
) -> Result<(), sqlx::Error> {
    for batch in people.chunks(BATCH) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO `User` (username, displayName, email, `group`, createdAt, updatedAt) ",
        );
        insert.push_values(batch, |mut row, somebody| {
            row.push_bind(&somebody.username)
                .push_bind(&somebody.display_name)
                .push_bind(&somebody.email)
                .push_bind(somebody.group)
                .push_bind(datetime(somebody.created_at))
                .push_bind(datetime(somebody.created_at));
        });
        insert.build().execute(&mut *db).await?;
    }
    Ok(())
}
