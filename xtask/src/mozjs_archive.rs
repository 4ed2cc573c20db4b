//! A SpiderMonkey that is built already, where one lies beside the checkout.
//!
//! Without one, the build script of `mozjs_sys` fetches its project's own, or compiles SpiderMonkey.

use std::env;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The variable that tells `mozjs_sys` of the archive.
pub(crate) const VARIABLE: &str = "MOZJS_ARCHIVE";

/// Where the archive is looked for, from the checkout.
const BESIDE_CHECKOUT: &str = "../shared/mozjs";

/// The file beside the archive that names its digest.
const DIGESTS: &str = "SHA256SUMS";

/// A checked copy of the archive for this platform, if there is one beside the checkout.
///
/// The copy is outside of every checkout: its path is part of what decides whether SpiderMonkey is built again, and so
/// stays the same for all of them.
///
/// # Errors
///
/// If the archive is there without a digest or with another one, or cannot be copied.
pub(crate) fn provide(root: &Path) -> Result<Option<PathBuf>> {
    let Some(triple) = target_triple() else {
        return Ok(None);
    };
    let folder = root.join(BESIDE_CHECKOUT);
    let name = format!("libmozjs-{triple}.tar.gz");
    let archive = folder.join(&name);
    if !archive.is_file() {
        return Ok(None);
    }
    let copies = cache_folder()
        .context("neither XDG_CACHE_HOME nor HOME is set")?
        .join("latchkey")
        .join("mozjs");
    checked_copy(&archive, &folder.join(DIGESTS), &copies).map(Some)
}

fn checked_copy(archive: &Path, digests: &Path, copies: &Path) -> Result<PathBuf> {
    let name = archive
        .file_name()
        .and_then(|name| name.to_str())
        .context("the archive has no name")?;
    let listed = fs::read_to_string(digests)
        .with_context(|| format!("{} says what {name} must be", digests.display()))?;
    let expected = listed_digest(&listed, name)
        .with_context(|| format!("{} does not name {name}", digests.display()))?;

    let copy = copies.join(name);
    if copy.is_file() && digest_of(&copy)? == expected {
        return Ok(copy);
    }
    let found = digest_of(archive)?;
    if found != expected {
        bail!(
            "{} has the SHA-256 digest {found}, and should have {expected}",
            archive.display()
        );
    }
    fs::create_dir_all(copies).with_context(|| format!("cannot make {}", copies.display()))?;
    // Another checkout may be doing the same: each writes a file of its own and moves it into place whole.
    let part = copies.join(format!("{name}.{}", std::process::id()));
    let outcome = copy_with_times(archive, &part).and_then(|()| Ok(fs::rename(&part, &copy)?));
    if outcome.is_err() {
        // The error below is what counts; the part is only in the way.
        let _ = fs::remove_file(&part);
    }
    outcome.with_context(|| format!("cannot copy {} to {}", archive.display(), copy.display()))?;
    Ok(copy)
}

/// Copies a file with the time of its last change, by which Cargo sees whether it is another.
fn copy_with_times(from: &Path, to: &Path) -> Result<()> {
    let modified = fs::metadata(from)?.modified()?;
    let mut copy = File::create(to)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    copy.set_times(FileTimes::new().set_modified(modified))?;
    Ok(())
}

/// The digest that a file in the format of `sha256sum` gives for a name.
fn listed_digest(listed: &str, name: &str) -> Option<String> {
    listed.lines().find_map(|line| {
        let (digest, file) = line.split_once(char::is_whitespace)?;
        let file = file
            .trim_start()
            .trim_start_matches('*')
            .trim_start_matches("./");
        (file == name && digest.len() == 64).then(|| digest.to_ascii_lowercase())
    })
}

/// The SHA-256 digest of a file in hexadecimal, by the system's own program.
fn digest_of(path: &Path) -> Result<String> {
    // Linux has the first, macOS the second.
    for (program, arguments) in [("sha256sum", &[][..]), ("shasum", &["-a", "256"][..])] {
        let Ok(answer) = Command::new(program).args(arguments).arg(path).output() else {
            continue;
        };
        if !answer.status.success() {
            bail!(
                "{program} {}: {}",
                path.display(),
                String::from_utf8_lossy(&answer.stderr).trim()
            );
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        let digest = text
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .trim_start_matches('\\');
        return Ok(digest.to_ascii_lowercase());
    }
    bail!(
        "neither sha256sum nor shasum is here to check {}",
        path.display()
    )
}

/// The user's folder for what can be made again.
///
/// <https://specifications.freedesktop.org/basedir/latest/>
fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// The platform as Rust names it, for those that an archive may exist for.
fn target_triple() -> Option<&'static str> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Some("x86_64-unknown-linux-gnu"),
        ("linux", "aarch64") => Some("aarch64-unknown-linux-gnu"),
        ("macos", "x86_64") => Some("x86_64-apple-darwin"),
        ("macos", "aarch64") => Some("aarch64-apple-darwin"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes away with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder =
                env::temp_dir().join(format!("latchkey-mozjs-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).expect("the temporary folder is writable");
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            // A leftover in the temporary folder harms nobody.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// The SHA-256 digest of "abc", FIPS 180-4's example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn copies_once_and_keeps_an_equal_copy() {
        let scratch = Scratch::new("copies");
        let (archive, digests) = (scratch.0.join("a.tar.gz"), scratch.0.join(DIGESTS));
        fs::write(&archive, "abc").expect("writable");
        fs::write(&digests, format!("{ABC}  a.tar.gz\n")).expect("writable");
        let copies = scratch.0.join("copies");

        let copy = checked_copy(&archive, &digests, &copies).expect("the digest agrees");
        assert_eq!(fs::read(&copy).expect("it is there"), b"abc");
        let modified = |path: &Path| {
            fs::metadata(path)
                .and_then(|metadata| metadata.modified())
                .expect("it is there")
        };
        assert_eq!(modified(&copy), modified(&archive));

        // The archive is gone through another checkout's eyes: the copy serves, untouched.
        let before = modified(&copy);
        fs::write(&archive, "other").expect("writable");
        assert_eq!(
            checked_copy(&archive, &digests, &copies).expect("the copy agrees"),
            copy
        );
        assert_eq!(modified(&copy), before);
    }

    #[test]
    fn another_digest_is_an_error() {
        let scratch = Scratch::new("digest");
        let (archive, digests) = (scratch.0.join("a.tar.gz"), scratch.0.join(DIGESTS));
        fs::write(&archive, "abd").expect("writable");
        fs::write(&digests, format!("{ABC}  a.tar.gz\n")).expect("writable");
        let error = checked_copy(&archive, &digests, &scratch.0.join("copies"))
            .expect_err("the digest differs");
        assert!(error.to_string().contains(ABC), "{error}");
        assert!(!scratch.0.join("copies/a.tar.gz").exists());
    }

    #[test]
    fn a_list_without_the_archive_is_an_error() {
        let scratch = Scratch::new("list");
        let (archive, digests) = (scratch.0.join("a.tar.gz"), scratch.0.join(DIGESTS));
        fs::write(&archive, "abc").expect("writable");
        fs::write(&digests, format!("{ABC}  b.tar.gz\n")).expect("writable");
        assert!(checked_copy(&archive, &digests, &scratch.0.join("copies")).is_err());
    }

    #[test]
    fn lists_are_read_in_both_modes() {
        assert_eq!(
            listed_digest(&format!("{ABC}  a.gz\n"), "a.gz").as_deref(),
            Some(ABC)
        );
        assert_eq!(
            listed_digest(&format!("{ABC} *./a.gz\n"), "a.gz").as_deref(),
            Some(ABC)
        );
        assert_eq!(listed_digest("short  a.gz\n", "a.gz"), None);
    }
}
