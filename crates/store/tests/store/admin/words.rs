//! The lists of words and labels: entries are unique, traced, and known to every process.

use starchart_domain::words::{ListKind, NameLists, NameRules};
use starchart_store::admin::{ADDED_WORDS_MAX, Addition};
use starchart_store::words;

use super::*;
use crate::world::root;

on_both!(
    an_entry_is_added_once_and_removed,
    many_admins_add_one_word_once,
    names_in_use_are_found_with_their_owners,
);

async fn an_entry_is_added_once_and_removed(world: &World) {
    let (_, right) = admin(world, "user3", 3).await;
    let add = async |kind, entry: &str| {
        admin::add_word(&world.store, &right, kind, entry, "request")
            .await
            .unwrap()
    };
    use ListKind::{Allowed, Refused, Reserved};
    for (kind, entry, expected) in [
        (Refused, "darn", Addition::Added),
        (Refused, "darn", Addition::Listed(Refused)),
        (Allowed, "darn", Addition::Listed(Refused)),
        // A label is no word.
        (Reserved, "darn", Addition::Added),
        (Reserved, "darn", Addition::Listed(Reserved)),
        (Allowed, "moby-dick", Addition::Added),
        (Refused, "дурак", Addition::Added),
        // Compared by bytes.
        (Refused, "durak", Addition::Added),
    ] {
        assert_eq!(add(kind, entry).await, expected, "{kind:?} {entry}");
    }
    let listed = admin::list_words(&world.store, &right).await.unwrap();
    assert!(listed.iter().all(|word| word.added_by == "user3"));
    let other = world.another().await;
    assert_eq!(words::list_entries(&other).await.unwrap().len(), 5);

    let darn = |kind| listed.iter().find(|word| word.kind == kind).unwrap();
    assert_eq!(darn(Reserved).entry, "darn");
    let remove = async |id| {
        admin::remove_word(&world.store, &right, id, "request")
            .await
            .unwrap()
    };
    let removed = remove(darn(Reserved).id).await;
    assert_eq!(removed, Some((Reserved, "darn".to_owned())));
    assert_eq!(remove(darn(Reserved).id).await, None);
    let trail = admin::list_trail(&world.store, &right, &TrailFilter::default(), None).await;
    let lines: Vec<_> = trail.unwrap().lines;
    let newest = &lines[0];
    assert_eq!(
        (
            newest.action.as_str(),
            newest.object.as_str(),
            newest.detail.as_str()
        ),
        ("word.remove", "darn", "reserved")
    );
    let added = lines.iter().filter(|line| line.action == "word.add");
    assert_eq!(added.count(), 5, "only what was added");

    for number in 0..ADDED_WORDS_MAX {
        let sql = format!(
            "INSERT INTO listed_words (scope, kind, entry, added_by, added_at) \
             VALUES ('word', 'refused', 'x{number}', {}, 0)",
            right.id()
        );
        world.run(&sql).await.unwrap();
    }
    assert_eq!(add(Refused, "more").await, Addition::Full);
}

async fn many_admins_add_one_word_once(world: &World) {
    let (_, right) = admin(world, "user3", 3).await;
    let add = |kind| {
        let (store, right) = (world.store.clone(), right.clone());
        async move { admin::add_word(&store, &right, kind, "darn", "request").await }
    };
    let kinds = [ListKind::Refused, ListKind::Allowed].into_iter().cycle();
    let done = join_all(kinds.take(8).map(add)).await;
    let added = done
        .into_iter()
        .filter(|it| it.as_ref().unwrap() == &Addition::Added);
    assert_eq!(added.count(), 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM listed_words").await, 1);
    let rule = "INSERT INTO listed_words (scope, kind, entry, added_by, added_at) \
                VALUES ('word', 'reserved', 'x', 1, 0)";
    assert!(
        world.run(rule).await.is_err(),
        "a reserved word is no entry"
    );
}

async fn names_in_use_are_found_with_their_owners(world: &World) {
    let (_, right) = admin(world, "user3", 3).await;
    let (one, two) = (world.user("user1").await, world.user("user2").await);
    for (who, name, rtype, value) in [
        (&one, "my-darn", "A", "192.0.2.1"),
        (&one, "my-darn", "TXT", "x"),
        (&one, "darned", "A", "192.0.2.1"),
        (&one, "_darn", "TXT", "x"),
        (&one, "@", "A", "192.0.2.1"),
        (&two, "a.d4rn.b", "A", "192.0.2.1"),
        (&two, "дурак", "A", "192.0.2.1"),
    ] {
        world.create(who, name, rtype, value).await.unwrap();
    }
    let refused = [(ListKind::Refused, "darn"), (ListKind::Refused, "дурак")];
    let rules = NameRules::new(&NameLists::built_in(), refused, None);
    let found = admin::list_names_in_use(&world.store, &right, &root(), &rules.words).await;
    let found: Vec<_> = found
        .unwrap()
        .into_iter()
        .map(|name| (name.username, name.records, name.word))
        .collect();
    let expected = [
        ("user2", 1, "darn"),
        ("user1", 2, "darn"),
        ("user2", 1, "дурак"),
    ];
    let expected = expected.map(|(user, n, word)| (user.to_owned(), n, word.to_owned()));
    assert_eq!(found, expected);

    let labels = ["user1", "user9"];
    let holders = admin::list_label_holders(&world.store, &right, &labels).await;
    let holders: Vec<_> = holders.unwrap().into_iter().collect();
    assert_eq!(holders, [("user1".to_owned(), "user1".to_owned())]);
}
