#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_domain::words::NameLists;

use super::*;

#[test]
fn the_answer_about_a_name_says_why() {
    let root = RootDomain::parse("starchart.com").unwrap();
    let added = [(ListKind::Refused, "darn"), (ListKind::Reserved, "library")];
    let names = NameRules::new(&NameLists::built_in(), added, None);
    for (name, is_refused, part) in [
        ("www", false, "Allowed: no word of this name is refused."),
        (
            "www",
            false,
            "www.starchart.com, it is reserved: “www” is on the list that comes with",
        ),
        (
            "library",
            false,
            "it is reserved: “library” is on the list that admins have made",
        ),
        ("blog", false, "blog.starchart.com, it is not reserved."),
        (
            " My-Darn ",
            true,
            "Refused: the word “darn” is on the list that admins have made here.",
        ),
        (
            "my-sh1t7",
            true,
            "“sh1t7” is read as “shit”, which is on the list that comes with",
        ),
        ("f.u.c.k", true, "“f.u.c.k” is read as “fuck”"),
        ("moby-dick", false, "“dick” is harmless in “moby-dick”."),
        (
            "_darn.www",
            false,
            "Labels that begin with _ are not searched",
        ),
        ("darn.user1.starchart.com.", true, "the word “darn”"),
        ("user1.starchart.com", false, "Allowed: no word"),
        ("two words", true, "No record can have this name: "),
        ("a..b", true, "No record can have this name: "),
    ] {
        let tried = try_name(&names, &root, name);
        assert_eq!(tried.is_refused, is_refused, "{name}: {tried:?}");
        assert!(tried.sentences.concat().contains(part), "{name}: {tried:?}");
    }
    assert_eq!(try_name(&names, &root, " "), TriedName::default());
}
