//! Several changes in one transaction, and what the history says of them.

use starchart_store::records::{
    HistoryAction, HistoryEntry, HistoryFilter, HistoryId, RecordChange, apply, find_history_entry,
    list_changed_together, list_history,
};

use super::*;

fn delete(id: RecordId) -> RecordChange<'static> {
    RecordChange::Delete { id, seen: None }
}

on_both!(
    what_one_change_frees_another_takes,
    one_refused_change_undoes_all,
    the_limit_counts_what_is_left,
    the_history_shows_each_change_with_both_sides,
    a_restored_record_keeps_its_id,
    changes_of_one_request_are_listed_together,
    the_history_of_another_user_is_not_found,
    changes_that_cross_do_not_lock_each_other_out,
);

async fn what_one_change_frees_another_takes(world: &World) {
    let user = world.user("user1").await;
    let address = world.create_www(&user).await;
    let alias = user.record("www", "CNAME", "example.org");
    // In the order in which each alone would be refused.
    let changes = [RecordChange::Create(&alias), delete(address.id)];
    let done = apply(&world.store, user.id, &changes, Some(1), &user.context).await;
    let done = done.unwrap();
    assert_eq!(done[0].rtype.as_str(), "CNAME");
    assert_eq!(done[1], address, "a deleted record is returned as it was");
    let left = records::list(&world.store, user.id).await.unwrap();
    assert_eq!(left, done[..1]);
    let name = world.unpublished().await;
    assert_eq!((name.len(), name[0].generation), (1, 2), "touched once");
}

async fn one_refused_change_undoes_all(world: &World) {
    let user = world.user("user1").await;
    let kept = world.create_www(&user).await;
    let (a, b) = (
        user.record("a", "A", "192.168.1.1"),
        user.record("b", "A", "192.168.1.1"),
    );
    let same = user.record("www", "A", "192.168.1.1");
    let renewal = RecordChange::Renew(kept.id);
    let missing = delete(RecordId(999_999));
    let stale = RecordChange::Edit {
        id: kept.id,
        new: &b,
        seen: Some("another"),
    };
    let stale_deletion = RecordChange::Delete {
        id: kept.id,
        seen: Some("another"),
    };
    for (changes, index) in [
        (
            vec![RecordChange::Create(&a), RecordChange::Create(&same)],
            1,
        ),
        (vec![RecordChange::Create(&a), missing], 1),
        (vec![RecordChange::Create(&a), renewal, stale], 2),
        (vec![RecordChange::Create(&a), stale_deletion], 1),
        (
            vec![renewal, RecordChange::Create(&a), RecordChange::Create(&a)],
            2,
        ),
    ] {
        let refused = apply(&world.store, user.id, &changes, None, &user.context).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.index, index, "{refused:?}");
        let left = records::list(&world.store, user.id).await.unwrap();
        assert_eq!(left, std::slice::from_ref(&kept), "{refused:?}");
    }
    let changes = "SELECT COUNT(*) FROM record_history";
    assert_eq!(world.number(changes).await, 1, "only the creation");
    let lines = "SELECT COUNT(*) FROM audit_trail WHERE action LIKE 'record.%'";
    assert_eq!(world.number(lines).await, 1);
}

async fn the_limit_counts_what_is_left(world: &World) {
    let user = world.user("user1").await;
    let first = world.create_www(&user).await;
    let new: Vec<NewRecord> = ["a", "b", "c"]
        .iter()
        .map(|name| user.record(name, "A", "192.168.1.1"))
        .collect();
    let create = |count: usize| new[..count].iter().map(RecordChange::Create);
    let replace: Vec<RecordChange<'_>> = create(1).chain([delete(first.id)]).collect();
    for (changes, limit, fits) in [
        (create(3).collect(), 3, false),
        (create(2).collect(), 2, false),
        // Whoever is above a lowered limit can still replace.
        (replace, 0, true),
        (create(3).skip(1).collect(), 3, true),
    ] {
        let changes: Vec<RecordChange<'_>> = changes;
        let done = apply(&world.store, user.id, &changes, Some(limit), &user.context).await;
        match done {
            Ok(_) => assert!(fits, "{changes:?}"),
            Err(refused) => {
                assert!(!fits, "{changes:?}: {refused}");
                assert!(
                    matches!(refused.error, RecordError::QuotaReached { .. }),
                    "{refused:?}"
                );
            }
        }
    }
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 3);
}

async fn history_of(world: &World, user: &TestUser) -> Vec<HistoryEntry> {
    let all = HistoryFilter::default();
    list_history(&world.store, user.id, all, 100).await.unwrap()
}

async fn the_history_shows_each_change_with_both_sides(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    for value in ["192.168.1.2", "192.168.1.3"] {
        world
            .edit(&user, record.id, "www", "A", value)
            .await
            .unwrap();
    }
    world.renew(&user, record.id).await.unwrap();
    let seen = async || -> Vec<(HistoryAction, String, String)> {
        let value = |version: Option<starchart_store::records::RecordVersion>| {
            version.map_or_else(|| "-".to_owned(), |version| version.presentation)
        };
        let entries = history_of(world, &user).await.into_iter();
        entries
            .map(|entry| (entry.action, value(entry.before), value(entry.after)))
            .collect()
    };
    let line = |action, before: &str, after: &str| (action, before.to_owned(), after.to_owned());
    let mut expected = vec![
        line(HistoryAction::Renew, "192.168.1.3", "192.168.1.3"),
        line(HistoryAction::Edit, "192.168.1.2", "192.168.1.3"),
        line(HistoryAction::Edit, "192.168.1.1", "192.168.1.2"),
        line(HistoryAction::Create, "-", "192.168.1.1"),
    ];
    assert_eq!(seen().await, expected);
    world.delete(&user, record.id).await.unwrap();
    expected.insert(0, line(HistoryAction::Delete, "192.168.1.3", "-"));
    assert_eq!(seen().await, expected, "also once the record is gone");

    let page = HistoryFilter {
        up_to: Some(history_of(world, &user).await[3].id),
        ..HistoryFilter::default()
    };
    let oldest = list_history(&world.store, user.id, page, 1).await.unwrap();
    assert_eq!(oldest.len(), 1);
    assert_eq!(
        oldest[0].after.as_ref().unwrap().presentation,
        "192.168.1.2",
        "the version after it is on a newer page"
    );
}

async fn a_restored_record_keeps_its_id(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    world.delete(&user, record.id).await.unwrap();
    let entry = history_of(world, &user).await[0].id;
    let new = user.record("www", "A", "192.168.1.1");
    let restore = [RecordChange::Restore { entry, new: &new }];
    let done = apply(&world.store, user.id, &restore, Some(1), &user.context).await;
    let restored = done.unwrap().remove(0);
    assert_eq!(
        (restored.id, restored.created_at),
        (record.id, record.created_at)
    );
    let again = apply(&world.store, user.id, &restore, None, &user.context).await;
    assert!(
        matches!(
            again.as_ref().map_err(|refused| &refused.error),
            Err(RecordError::Duplicate)
        ),
        "{again:?}"
    );
    let newest = history_of(world, &user).await.remove(0);
    assert_eq!(newest.action, HistoryAction::Restore);
    assert!(newest.exists());
}

async fn changes_of_one_request_are_listed_together(world: &World) {
    let user = world.user("user1").await;
    let stranger = world.user("user2").await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let record = world.create(&user, name, "A", "192.168.1.1").await;
        ids.push(record.unwrap().id);
    }
    world.later(1);
    let new = user.record("new", "A", "192.168.1.1");
    let together = [
        delete(ids[1]),
        RecordChange::Renew(ids[3]),
        delete(ids[0]),
        RecordChange::Create(&new),
    ];
    let done = apply(&world.store, user.id, &together, None, &user.context)
        .await
        .unwrap();
    let all = [ids[1], ids[0], done[3].id];
    world.later(1);
    apply(
        &world.store,
        user.id,
        &[delete(ids[2])],
        None,
        &user.context,
    )
    .await
    .unwrap();
    let history = history_of(world, &user).await;
    let entry_of = |id, action| {
        let mut entries = history.iter();
        let found = entries.find(|entry| (entry.record_id, entry.action) == (id, action));
        found.unwrap().id
    };
    let deletion = HistoryAction::Delete;
    for (entry, owner, expected) in [
        (entry_of(ids[0], deletion), user.id, &all[..]),
        (entry_of(ids[1], deletion), user.id, &all),
        (entry_of(all[2], HistoryAction::Create), user.id, &all),
        (entry_of(ids[3], HistoryAction::Renew), user.id, &all),
        (entry_of(ids[2], deletion), user.id, &[ids[2]]),
        (entry_of(ids[0], deletion), stranger.id, &[]),
        (HistoryId(0), user.id, &[]),
    ] {
        let listed = list_changed_together(&world.store, owner, entry)
            .await
            .unwrap();
        let found: Vec<RecordId> = listed.iter().map(|entry| entry.record_id).collect();
        assert_eq!(found, expected, "{entry:?}");
    }
}

async fn the_history_of_another_user_is_not_found(world: &World) {
    let owner = world.user("user1").await;
    let stranger = world.user("user2").await;
    let record = world.create_www(&owner).await;
    world.delete(&owner, record.id).await.unwrap();
    let entry: HistoryId = history_of(world, &owner).await[0].id;
    assert_eq!(history_of(world, &stranger).await, []);
    let found = find_history_entry(&world.store, stranger.id, entry).await;
    assert_eq!(found.unwrap(), None);
    let new = stranger.record("www", "A", "192.168.1.1");
    let restore = [RecordChange::Restore { entry, new: &new }];
    let refused = apply(&world.store, stranger.id, &restore, None, &stranger.context).await;
    assert!(
        matches!(
            refused.as_ref().map_err(|refused| &refused.error),
            Err(RecordError::NotFound)
        ),
        "{refused:?}"
    );
}

async fn changes_that_cross_do_not_lock_each_other_out(world: &World) {
    let user = world.user("user1").await;
    let (one, two) = (
        world.create(&user, "aa", "A", "192.168.1.1").await.unwrap(),
        world.create(&user, "bb", "A", "192.168.1.2").await.unwrap(),
    );
    let (to_bb, to_aa) = (
        user.record("bb", "A", "192.168.1.1"),
        user.record("aa", "A", "192.168.1.2"),
    );
    let edit = |id, new| RecordChange::Edit {
        id,
        new,
        seen: None,
    };
    let forth = [edit(one.id, &to_bb), edit(two.id, &to_aa)];
    let back = [forth[1], forth[0]];
    let (first, second) = tokio::join!(
        apply(&world.store, user.id, &forth, None, &user.context),
        apply(&world.store, user.id, &back, None, &user.context),
    );
    first.unwrap();
    second.unwrap();
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 2);
}
