//! Reads and writes the progress of a wipe. Its table may not exist.

use migration::SchemaManager;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, EntityName, EntityTrait,
    QueryFilter, Schema,
};

use crate::entity::wipe_mark::{ActiveModel, Column, Entity, ID, Model, State};
use crate::{Error, Store};

/// Whether a wipe began and did not finish. Nothing may be served from such a schema.
pub(crate) async fn is_half_done(db: &DatabaseConnection) -> Result<bool, Error> {
    Ok(find(db)
        .await?
        .is_some_and(|mark| mark.state != State::Done))
}

pub(super) async fn find(db: &DatabaseConnection) -> Result<Option<Model>, Error> {
    if !has_table(db).await? {
        return Ok(None);
    }
    Ok(Entity::find_by_id(ID).one(db).await?)
}

/// Saves the progress, and creates the table first if it does not exist.
pub(super) async fn save(
    store: &Store,
    db: &DatabaseConnection,
    state: State,
) -> Result<(), Error> {
    let create = Schema::new(db.get_database_backend())
        .create_table_from_entity(Entity)
        .if_not_exists()
        .to_owned();
    db.execute(&create).await?;
    let row = ActiveModel {
        id: Set(ID),
        state: Set(state),
        changed_at: Set(store.now_on(db).await?.as_millis()),
    };
    let replace = OnConflict::column(Column::Id)
        .update_columns([Column::State, Column::ChangedAt])
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Deletes the mark, so that a flag may wipe.
pub(super) async fn delete(db: &DatabaseConnection) -> Result<(), Error> {
    Entity::delete_many().exec(db).await?;
    Ok(())
}

/// Deletes the mark of a complete wipe, and returns whether there was one.
pub(super) async fn delete_done(db: &DatabaseConnection) -> Result<bool, Error> {
    if !has_table(db).await? {
        return Ok(false);
    }
    let deleted = Entity::delete_many()
        .filter(Column::State.eq(State::Done))
        .exec(db)
        .await?;
    Ok(deleted.rows_affected > 0)
}

async fn has_table(db: &DatabaseConnection) -> Result<bool, Error> {
    Ok(SchemaManager::new(db)
        .has_table(Entity.table_name())
        .await?)
}
