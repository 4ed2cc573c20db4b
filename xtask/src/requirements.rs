//! What the system has to provide, how that is seen, and what it is called by the distributions.

use std::fmt;

use crate::machine::Machine;
use crate::toolchain::{self, Clang};

/// What something is needed for; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// To build the browser and use it.
    Browse,
    /// To run the tests as well.
    Test,
}

/// How it is seen that a requirement is met.
#[derive(Clone, Copy, Debug)]
enum Probe {
    Executable(&'static str),
    /// Any of these programs will do.
    AnyExecutable(&'static [&'static str]),
    /// A `pkg-config` module: the library's headers are here.
    Module(&'static str),
    /// A shared library that is loaded by name when the browser runs.
    Library(&'static str),
    /// A path below `/usr/share` and its like.
    Data(&'static str),
    /// Clang of a release that can compile SpiderMonkey.
    Clang,
    /// The library form of the same release, for bindgen.
    LibClang,
    /// The archiver of the same release.
    LlvmAr,
}

/// The names of the package that provides something. An empty name: the platform has it, or it is of no use there.
#[derive(Clone, Copy, Debug)]
struct Packages {
    /// Debian, Ubuntu and what is made from them. `{clang}` stands for the release of LLVM that is chosen.
    debian: &'static str,
    fedora: &'static str,
    homebrew: &'static str,
}

/// One thing that the system has to provide.
#[derive(Debug)]
pub(crate) struct Requirement {
    /// What it is, for a person.
    pub(crate) what: &'static str,
    pub(crate) purpose: Purpose,
    probe: Probe,
    packages: Packages,
}

/// A family of distributions that share package names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distribution {
    /// Debian, Ubuntu and their derivatives: the one that `setup` can install on.
    Debian,
    Fedora,
    MacOs,
    /// Anything else, by the name it gives itself.
    Other(String),
}

impl fmt::Display for Distribution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian => formatter.write_str("Debian or Ubuntu"),
            Self::Fedora => formatter.write_str("Fedora"),
            Self::MacOs => formatter.write_str("macOS"),
            Self::Other(name) => formatter.write_str(name),
        }
    }
}

impl Distribution {
    /// Which family an `os-release` file speaks of.
    ///
    /// <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>
    pub(crate) fn from_os_release(text: &str) -> Self {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .map(|value| value.trim_matches(['"', '\'']))
        };
        let family = format!(
            "{} {}",
            value("ID").unwrap_or_default(),
            value("ID_LIKE").unwrap_or_default()
        );
        let mut words = family.split_whitespace();
        match words.find_map(|word| match word {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            _ => None,
        }) {
            Some(distribution) => distribution,
            None => Self::Other(
                value("PRETTY_NAME")
                    .unwrap_or("an unknown system")
                    .to_owned(),
            ),
        }
    }
}

impl Requirement {
    const fn new(
        what: &'static str,
        purpose: Purpose,
        probe: Probe,
        packages: [&'static str; 3],
    ) -> Self {
        let [debian, fedora, homebrew] = packages;
        Self {
            what,
            purpose,
            probe,
            packages: Packages {
                debian,
                fedora,
                homebrew,
            },
        }
    }

    /// Whether the machine has it.
    pub(crate) fn is_met(&self, machine: &Machine, clang: Option<&Clang>) -> bool {
        match self.probe {
            Probe::Executable(name) => machine.executable(name).is_some(),
            Probe::AnyExecutable(names) => {
                names.iter().any(|name| machine.executable(name).is_some())
            },
            Probe::Module(module) => machine.has_module(module),
            Probe::Library(stem) => machine.has_library(stem),
            Probe::Data(path) => machine.has_data(path),
            Probe::Clang => clang.is_some_and(|clang| clang.has_compilers(machine)),
            Probe::LibClang => clang.is_some_and(|clang| clang.library_folder(machine).is_some()),
            Probe::LlvmAr => clang.is_some_and(|clang| clang.archiver(machine).is_some()),
        }
    }

    /// The package to ask this distribution for; none if the platform needs none.
    pub(crate) fn package(
        &self,
        distribution: &Distribution,
        clang_release: u32,
    ) -> Option<String> {
        let name = match distribution {
            Distribution::Debian => self
                .packages
                .debian
                .replace("{clang}", &clang_release.to_string()),
            Distribution::Fedora => self.packages.fedora.to_owned(),
            Distribution::MacOs => self.packages.homebrew.to_owned(),
            // Debian's names are the best known, so they serve as a description.
            Distribution::Other(_) => self
                .packages
                .debian
                .replace("{clang}", &toolchain::PROVED_RELEASE.to_string()),
        };
        (!name.is_empty()).then_some(name)
    }
}

/// Everything that is needed, in the order in which it is reported.
#[rustfmt::skip]
pub(crate) const REQUIREMENTS: &[Requirement] = {
    use Probe::{AnyExecutable, Clang, Data, Executable, LibClang, Library, LlvmAr, Module};
    use Purpose::{Browse, Test};
    const fn need(what: &'static str, purpose: Purpose, probe: Probe, packages: [&'static str; 3]) -> Requirement {
        Requirement::new(what, purpose, probe, packages)
    }
    &[
        need("clang 16 or later, which compiles SpiderMonkey", Browse, Clang, ["clang-{clang}", "clang", "llvm"]),
        need("libclang, which makes the bindings to SpiderMonkey", Browse, LibClang, ["libclang-{clang}-dev", "clang-devel", "llvm"]),
        need("LLVM's archiver", Browse, LlvmAr, ["llvm-{clang}", "llvm", "llvm"]),
        need("make", Browse, AnyExecutable(&["make", "gmake"]), ["make", "make", "make"]),
        need("m4", Browse, Executable("m4"), ["m4", "m4", "m4"]),
        need("cmake", Browse, Executable("cmake"), ["cmake", "cmake", "cmake"]),
        need("gperf", Browse, Executable("gperf"), ["gperf", "gperf", "gperf"]),
        need("pkg-config", Browse, AnyExecutable(&["pkg-config", "pkgconf"]), ["pkg-config", "pkgconf-pkg-config", "pkgconf"]),
        need("Python 3, which runs SpiderMonkey's and Servo's generators", Browse, Executable("python3"), ["python3", "python3", "python3"]),
        need("curl, which fetches a SpiderMonkey that is built already", Browse, Executable("curl"), ["curl", "curl", ""]),
        need("fontconfig's headers", Browse, Module("fontconfig"), ["libfontconfig-dev", "fontconfig-devel", "fontconfig"]),
        need("FreeType's headers", Browse, Module("freetype2"), ["libfreetype-dev", "freetype-devel", "freetype"]),
        need("EGL's headers", Browse, Module("egl"), ["libegl-dev", "libglvnd-devel", ""]),
        need("EGL", Browse, Library("libEGL"), ["libegl1", "libglvnd-egl", ""]),
        need("OpenGL", Browse, Library("libGL"), ["libgl1", "libglvnd-glx", ""]),
        need("Mesa's EGL, which draws where there is no display too", Browse, Library("libEGL_mesa"), ["libegl-mesa0", "mesa-libEGL", ""]),
        need("Mesa's drivers, software rendering among them", Browse, Library("dri/swrast_dri"), ["libgl1-mesa-dri", "mesa-dri-drivers", ""]),
        need("the keyboard's layout on X11", Browse, Library("libxkbcommon-x11"), ["libxkbcommon-x11-0", "libxkbcommon-x11", ""]),
        need("X11 by XCB", Browse, Library("libX11-xcb"), ["libx11-xcb1", "libX11-xcb", ""]),
        need("X11's pointers", Browse, Library("libXcursor"), ["libxcursor1", "libXcursor", ""]),
        need("X11's input", Browse, Library("libXi"), ["libxi6", "libXi", ""]),
        need("X11's screens", Browse, Library("libXrandr"), ["libxrandr2", "libXrandr", ""]),
        need("GStreamer's headers, for audio and video", Browse, Module("gstreamer-1.0"), ["libgstreamer1.0-dev", "gstreamer1-devel", "gstreamer"]),
        need("GStreamer's base libraries' headers", Browse, Module("gstreamer-video-1.0"), ["libgstreamer-plugins-base1.0-dev", "gstreamer1-plugins-base-devel", "gstreamer"]),
        need("GStreamer's player's headers", Browse, Module("gstreamer-play-1.0"), ["libgstreamer-plugins-bad1.0-dev", "gstreamer1-plugins-bad-free-devel", "gstreamer"]),
        need("GStreamer's basic plugins", Browse, Library("gstreamer-1.0/libgstplayback"), ["gstreamer1.0-plugins-base", "gstreamer1-plugins-base", ""]),
        need("GStreamer's plugins for WebM, MP4 and WAV", Browse, Library("gstreamer-1.0/libgstmatroska"), ["gstreamer1.0-plugins-good", "gstreamer1-plugins-good", ""]),
        need("GStreamer's plugins for parsing video", Browse, Library("gstreamer-1.0/libgstvideoparsersbad"), ["gstreamer1.0-plugins-bad", "gstreamer1-plugins-bad-free", ""]),
        need("GStreamer's codecs by FFmpeg", Browse, Library("gstreamer-1.0/libgstlibav"), ["gstreamer1.0-libav", "gstreamer1-plugin-libav", ""]),
        need("a font for pages that name none", Browse, Data("fonts"), ["fonts-dejavu-core", "dejavu-sans-fonts", ""]),
        need("Xvfb, the display of the window's tests", Test, Executable("Xvfb"), ["xvfb", "xorg-x11-server-Xvfb", ""]),
        need("xdotool, their hand on mouse and keyboard", Test, Executable("xdotool"), ["xdotool", "xdotool", ""]),
        need("Chromium, with which results are compared", Test, Executable("chromium"), ["chromium", "chromium", "chromium"]),
        need("its WebDriver", Test, Executable("chromedriver"), ["chromium-driver", "chromedriver", "chromedriver"]),
        need("nginx, which serves real pages to the tests", Test, Executable("nginx"), ["nginx-light", "nginx", "nginx"]),
        need("the pages it serves: Python's manual", Test, Data("doc/python3/html/index.html"), ["python3-doc", "python3-docs", ""]),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::fake::FakeMachine;

    #[test]
    fn families_of_distributions() {
        for (text, expected) in [
            ("ID=debian\nVERSION_ID=\"12\"\n", Distribution::Debian),
            (
                "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n",
                Distribution::Debian,
            ),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                Distribution::Debian,
            ),
            ("ID=fedora\n", Distribution::Fedora),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                Distribution::Fedora,
            ),
            (
                "ID=arch\nPRETTY_NAME=\"Arch Linux\"\n",
                Distribution::Other("Arch Linux".into()),
            ),
            ("", Distribution::Other("an unknown system".into())),
        ] {
            assert_eq!(Distribution::from_os_release(text), expected, "{text}");
        }
    }

    #[test]
    fn an_empty_machine_meets_nothing() {
        let fake = FakeMachine::with(&[]);
        for requirement in REQUIREMENTS {
            assert!(
                !requirement.is_met(&fake.machine, None),
                "{}",
                requirement.what
            );
        }
    }

    #[test]
    fn every_requirement_has_a_package_on_debian_and_fedora() {
        for requirement in REQUIREMENTS {
            for distribution in [Distribution::Debian, Distribution::Fedora] {
                let package = requirement.package(&distribution, 18);
                assert!(
                    package.is_some_and(|name| !name.contains('{')),
                    "{} on {distribution}",
                    requirement.what
                );
            }
        }
    }

    #[test]
    fn clang_packages_carry_the_chosen_release() {
        let package = REQUIREMENTS[0].package(&Distribution::Debian, 18);
        assert_eq!(package.as_deref(), Some("clang-18"));
    }
}
