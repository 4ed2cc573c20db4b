//! The copy of the checkout that has the mutations.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result, ensure};

use super::mutations::Mutation;
use super::{MUTANT, VARIABLE};

/// The manifest of the browser, which gets another program in the copy.
const MANIFEST: &str = "shell/Cargo.toml";

/// Brings the copy at `to` up to date with the checkout. A file that is as it should be is not touched, so that Cargo builds
/// only what has changed; and whatever an earlier run has left half done is done.
pub(super) fn make<'a>(
    root: &Path,
    to: &Path,
    mutations: impl IntoIterator<Item = &'a Mutation>,
) -> Result<()> {
    let files = listed(root)?;
    let mutations: Vec<&Mutation> = mutations.into_iter().collect();
    write(root, &files, to, &mutations)
}

/// The files of the checkout that belong to it, by their paths in it: those that Git knows, and those that it does not ignore.
fn listed(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let listed = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("git, which says what is to be copied, cannot be started")?;
    ensure!(
        listed.status.success(),
        "git does not say what is to be copied: {}",
        String::from_utf8_lossy(&listed.stderr).trim()
    );
    let names = listed.stdout.split(|byte| *byte == 0);
    let mut files = BTreeSet::new();
    for name in names.filter(|name| !name.is_empty()) {
        let name = str::from_utf8(name).context("a file's name is not UTF-8")?;
        let path = PathBuf::from(name);
        // One that was removed is listed until that is committed.
        if root.join(&path).is_file() {
            files.insert(path);
        }
    }
    ensure!(
        files.contains(Path::new(MANIFEST)),
        "{} is no checkout of this project",
        root.display()
    );
    Ok(files)
}

fn write(root: &Path, files: &BTreeSet<PathBuf>, to: &Path, mutations: &[&Mutation]) -> Result<()> {
    remove_others(to, Path::new(""), files)
        .with_context(|| format!("{} cannot be tidied up", to.display()))?;
    for file in files {
        let from = root.join(file);
        let text = fs::read(&from).with_context(|| format!("{}", from.display()))?;
        let text = changed(file, text, mutations)?;
        let path = to.join(file);
        if fs::read(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
    }
    Ok(())
}

/// Removes the files of the copy that the checkout does not have.
fn remove_others(to: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(to.join(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            remove_others(to, &path, files)?;
        } else if !files.contains(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What a file of the checkout is in the copy.
fn changed(file: &Path, text: Vec<u8>, mutations: &[&Mutation]) -> Result<Vec<u8>> {
    let is_it = |name: &str| file.as_os_str() == OsStr::new(name);
    let mut mutations = mutations
        .iter()
        .filter(|mutation| is_it(mutation.file))
        .peekable();
    if mutations.peek().is_none() && !is_it(MANIFEST) {
        return Ok(text);
    }
    let mut text = String::from_utf8(text).with_context(|| format!("{}", file.display()))?;
    for mutation in mutations {
        text = apply(mutation, &text)?;
    }
    if is_it(MANIFEST) {
        // Nobody is to take it for the browser, which is named as well: Cargo looks for no programs that are not.
        for name in [MUTANT, "latchkey"] {
            text.push_str(&format!(
                "\n[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n"
            ));
        }
    }
    Ok(text.into_bytes())
}

pub(super) fn apply(mutation: &Mutation, text: &str) -> Result<String> {
    let places = text.matches(mutation.find).count();
    ensure!(
        places == 1,
        "the mutation {} fits {places} places in {}: bring it up to date",
        mutation.name,
        mutation.file
    );
    let on = format!(
        "std::env::var_os(\"{VARIABLE}\").is_some_and(|name| name == \"{}\")",
        mutation.name
    );
    Ok(text.replace(mutation.find, &mutation.replace.replace("{on}", &on)))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::mutations::MUTATIONS;
    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn every_mutation_fits_one_place() {
        let mut names = BTreeSet::new();
        for mutation in MUTATIONS {
            let text = fs::read_to_string(root().join(mutation.file)).expect(mutation.file);
            let broken = apply(mutation, &text).expect("it fits");
            assert_ne!(broken, text);
            assert!(broken.contains(mutation.name) && !broken.contains("{on}"));
            assert!(names.insert(mutation.name), "{} twice", mutation.name);
        }
    }

    #[test]
    fn mutated_is_the_copy() {
        let folder = std::env::temp_dir().join(format!("latchkey-mutate-{}", std::process::id()));
        let (checkout, copy) = (folder.join("checkout"), folder.join("copy"));
        let mutations: Vec<&Mutation> = MUTATIONS.iter().collect();
        let mutated = MUTATIONS.iter().map(|mutation| mutation.file);
        let mut files: BTreeSet<PathBuf> = mutated
            .chain([MANIFEST, "Cargo.toml", "LICENSE"])
            .map(PathBuf::from)
            .collect();
        for file in &files {
            let to = checkout.join(file);
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::copy(root().join(file), to).expect("a copy");
        }
        let texts = |of: &Path, files: &BTreeSet<PathBuf>| -> Vec<Option<Vec<u8>>> {
            files
                .iter()
                .map(|file| fs::read(of.join(file)).ok())
                .collect()
        };
        let same = |file: &str| {
            fs::read(checkout.join(file)).expect(file) == fs::read(copy.join(file)).expect(file)
        };
        let before = texts(&checkout, &files);
        write(&checkout, &files, &copy, &mutations).expect("it is made");
        assert_eq!(
            texts(&checkout, &files),
            before,
            "the checkout is as it was"
        );
        assert!(!MUTATIONS.iter().any(|mutation| same(mutation.file)));
        assert!(!same(MANIFEST) && same("Cargo.toml") && same("LICENSE"));
        let manifest = fs::read_to_string(copy.join(MANIFEST)).expect("a manifest");
        assert!(manifest.contains(MUTANT) && manifest.contains("[package]"));

        // An earlier run was killed while it wrote, or before it wrote anything; and a file is gone.
        let long_ago = SystemTime::UNIX_EPOCH;
        let made = texts(&copy, &files);
        for file in &files {
            let file = fs::File::options().write(true).open(copy.join(file));
            file.and_then(|file| file.set_modified(long_ago))
                .expect("a time");
        }
        fs::write(copy.join(MUTATIONS[0].file), "half").expect("a file");
        fs::write(copy.join("left.rs"), "left").expect("a file");
        write(&checkout, &files, &copy, &mutations).expect("it is made");
        assert_eq!(texts(&copy, &files), made);
        assert!(!copy.join("left.rs").exists());
        let touched: Vec<&PathBuf> = files
            .iter()
            .filter(|file| {
                let known = fs::metadata(copy.join(file)).and_then(|known| known.modified());
                known.expect("a time") != long_ago
            })
            .collect();
        assert_eq!(
            touched,
            [Path::new(MUTATIONS[0].file)],
            "it alone is built anew"
        );
        files.remove(Path::new("LICENSE"));
        write(&checkout, &files, &copy, &mutations).expect("it is made");
        assert!(!copy.join("LICENSE").exists());
        fs::remove_dir_all(&folder).expect("it is removed");
    }

    #[test]
    fn what_git_ignores_is_not_copied() {
        let files = listed(&root()).expect("a checkout");
        assert!(files.contains(Path::new("Cargo.lock")));
        assert!(files.contains(Path::new(".cargo/config.toml")));
        assert!(!files.iter().any(|file| file.starts_with("target")));
        assert!(
            MUTATIONS
                .iter()
                .all(|mutation| files.contains(Path::new(mutation.file)))
        );
    }
}
