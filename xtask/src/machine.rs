//! What is on this machine, seen by looking for the files themselves: a package manager only knows what it installed.

use std::env;
use std::path::{Path, PathBuf};

/// Suffixes of a shared library's file name, by platform.
const SHARED_LIBRARY_MARKS: [&str; 2] = [".so", ".dylib"];

/// The folders that programs, libraries, `pkg-config` files and other data are looked for in.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) executables: Vec<PathBuf>,
    pub(crate) libraries: Vec<PathBuf>,
    pub(crate) data: Vec<PathBuf>,
}

impl Machine {
    /// This machine, by its `PATH` and the usual folders of Debian, Fedora and macOS.
    pub(crate) fn this() -> Self {
        let mut executables: Vec<PathBuf> = env::var_os("PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default();
        // Daemons are here, and a user's PATH often leaves it out.
        executables.push("/usr/sbin".into());

        let mut libraries: Vec<PathBuf> = env::var_os("LD_LIBRARY_PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default();
        for folder in [
            "/usr/local/lib",
            "/usr/lib",
            "/lib",
            "/usr/lib64",
            "/opt/homebrew/lib",
        ] {
            libraries.push(folder.into());
        }
        let multiarch = format!("{}-linux-gnu", env::consts::ARCH);
        libraries.push(Path::new("/usr/lib").join(&multiarch));
        libraries.push(Path::new("/lib").join(multiarch));
        // NB: LLVM's own packages keep each release in a folder of its own; Homebrew likewise.
        for prefix in ["/opt/homebrew/opt/llvm", "/usr/local/opt/llvm"] {
            executables.push(Path::new(prefix).join("bin"));
            libraries.push(Path::new(prefix).join("lib"));
        }
        let data = [
            "/usr/share",
            "/usr/local/share",
            "/opt/homebrew/share",
            "/System/Library",
        ]
        .map(PathBuf::from)
        .into();
        Self {
            executables,
            libraries,
            data,
        }
    }

    /// The path of a program by its name.
    pub(crate) fn executable(&self, name: &str) -> Option<PathBuf> {
        self.executables
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    }

    /// Whether a shared library is here, by its path in a library folder up to the suffix: `libEGL` finds `libEGL.so.1`,
    /// `dri/swrast_dri` finds `dri/swrast_dri.so`.
    pub(crate) fn has_library(&self, path: &str) -> bool {
        let (subfolder, stem) = path.rsplit_once('/').unwrap_or(("", path));
        self.libraries
            .iter()
            .any(|folder| folder_has_library(&folder.join(subfolder), stem))
    }

    /// Whether `pkg-config` would find a module: its `.pc` file is in one of the usual folders.
    pub(crate) fn has_module(&self, module: &str) -> bool {
        let configured: Vec<PathBuf> = env::var_os("PKG_CONFIG_PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default();
        let file = format!("{module}.pc");
        configured
            .into_iter()
            .chain(
                self.libraries
                    .iter()
                    .chain(&self.data)
                    .map(|folder| folder.join("pkgconfig")),
            )
            .any(|folder| folder.join(&file).is_file())
    }

    /// Whether a path below one of the data folders (`/usr/share` and its like) exists.
    pub(crate) fn has_data(&self, path: &str) -> bool {
        self.data.iter().any(|folder| folder.join(path).exists())
    }
}

/// Whether a folder holds a shared library whose file name begins with `stem`.
pub(crate) fn folder_has_library(folder: &Path, stem: &str) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // macOS writes the version before the suffix: libxkbcommon.0.dylib.
        let Some(rest) = name.strip_prefix(stem) else {
            return false;
        };
        SHARED_LIBRARY_MARKS
            .iter()
            .any(|mark| rest.starts_with(mark))
            || (rest.starts_with('.') && rest.ends_with(".dylib"))
    })
}

#[cfg(test)]
pub(crate) mod fake {
    //! A machine made of a folder with empty files.

    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A machine in a temporary folder, removed with it.
    pub(crate) struct FakeMachine {
        folder: PathBuf,
        pub(crate) machine: Machine,
    }

    impl FakeMachine {
        /// Makes one that holds these files: `bin/clang-19`, `lib/libEGL.so.1`, `share/fonts/…`.
        pub(crate) fn with(files: &[&str]) -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder =
                env::temp_dir().join(format!("latchkey-xtask-{}-{number}", std::process::id()));
            for file in files {
                let path = folder.join(file);
                fs::create_dir_all(path.parent().expect("it is below the folder"))
                    .expect("the folder can be made");
                fs::write(path, "").expect("the file can be made");
            }
            let machine = Machine {
                executables: vec![folder.join("bin")],
                libraries: vec![folder.join("lib")],
                data: vec![folder.join("share")],
            };
            Self { folder, machine }
        }
    }

    impl Drop for FakeMachine {
        fn drop(&mut self) {
            // A leftover in the temporary folder harms nobody.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakeMachine;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let fake = FakeMachine::with(&[
            "bin/m4",
            "lib/libEGL.so.1",
            "lib/dri/swrast_dri.so",
            "lib/pkgconfig/egl.pc",
            "share/fonts/a.ttf",
        ]);
        let machine = &fake.machine;
        assert!(machine.executable("m4").is_some());
        assert!(machine.executable("m").is_none());
        assert!(machine.has_library("libEGL"));
        assert!(
            !machine.has_library("libEG"),
            "a prefix of a library's name is not the library"
        );
        assert!(!machine.has_library("libEGL_mesa"));
        assert!(machine.has_library("dri/swrast_dri"));
        assert!(!machine.has_library("swrast_dri"));
        assert!(machine.has_module("egl"));
        assert!(!machine.has_module("fontconfig"));
        assert!(machine.has_data("fonts/a.ttf"));
        assert!(!machine.has_data("fonts/b.ttf"));
    }

    #[test]
    fn finds_libraries_named_as_on_macos() {
        let fake = FakeMachine::with(&["lib/libclang.dylib", "lib/libxkbcommon.0.dylib"]);
        assert!(fake.machine.has_library("libclang"));
        assert!(fake.machine.has_library("libxkbcommon"));
    }
}
