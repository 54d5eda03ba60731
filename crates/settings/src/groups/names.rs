//! Which words and labels names may not have.

use std::path::{Path, PathBuf};

use starchart_domain::words::{ListKind, NameLists};

use crate::reader::{FILE_BYTES, ReadError, Reader, read_text};
use crate::spec::DefaultValue::Unset;
use crate::spec::Required::No;
use crate::spec::{SettingSpec, variable};

const WORD_LISTS_PATH: &str = "WORD_LISTS_PATH";

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[variable(
    WORD_LISTS_PATH,
    No,
    Unset,
    "folder with changed copies of the lists in config/words; a list that is not there is the \
     program's own",
)];

/// Reads and checks the lists. `None` if one has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<NameLists> {
    let mut lists = NameLists::built_in();
    let Some(folder) = reader.parsed(WORD_LISTS_PATH, |path| Ok(PathBuf::from(path))) else {
        return Some(lists);
    };
    let mut found = 0;
    let mut is_valid = true;
    for &kind in ListKind::ALL {
        match read_list(reader, &mut lists, &folder, kind) {
            Ok(()) => found += 1,
            Err(None) => {}
            Err(Some(advice)) => {
                reader.problem(WORD_LISTS_PATH, advice);
                is_valid = false;
            }
        }
    }
    if found == 0 && is_valid {
        let names = ListKind::ALL.iter().map(|kind| kind.file_name());
        let names = names.collect::<Vec<_>>().join(", ");
        let folder = folder.display();
        reader.problem(
            WORD_LISTS_PATH,
            format!("the folder {folder} has none of {names}; copy them there from config/words"),
        );
        return None;
    }
    is_valid.then_some(lists)
}

/// Replaces a list by the file in the folder, if it is there.
///
/// # Errors
/// What is wrong with the file; `None` when there is none.
fn read_list(
    reader: &Reader,
    lists: &mut NameLists,
    folder: &Path,
    kind: ListKind,
) -> Result<(), Option<String>> {
    let path = folder.join(kind.file_name());
    let shown = path.display();
    let text = read_text(&reader.path(&path), FILE_BYTES).map_err(|unread| match unread {
        ReadError::Absent => None,
        unread => Some(format!("the file {shown} {}", unread.advice())),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    lists.replace(kind, text).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Some(format!("the file {shown} is wrong: {}", faults.join("; ")))
    })
}
