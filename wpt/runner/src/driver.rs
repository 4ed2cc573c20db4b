//! What runs tests: this project's browser and others with its options, or another one over WebDriver.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use url::Url;

use crate::arguments::{Arguments, Product};
use crate::browser::{Launcher, program as browser_program};
use crate::interruption::Interruption;
use crate::outcome::{Browser, TestResult};
use crate::report_script;
use crate::suite::Served;
use crate::webdriver::capabilities::Capabilities;
use crate::webdriver::{self, Browsers};

/// The option that lets tests play the user, as `testdriver-vendor.js` does.
const TEST_DRIVER: &str = "--test-driver";

/// A browser that is ready to run the tests of a suite that is served.
pub enum Driver {
    /// This project's, or one that takes its options.
    Process(Launcher),
    /// Another one.
    WebDriver {
        /// What starts it.
        browsers: Browsers,
        /// Its name in results, if not the one that it gives itself.
        name: Option<&'static str>,
    },
}

impl Driver {
    /// Writes what is served for this browser in the place of the tests' own testharnessreport.js, if it needs that, and
    /// returns the folder it is in.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn report_script(
        product: Product,
        arguments: &Arguments,
        scratch: &Path,
    ) -> Result<Option<PathBuf>> {
        match product {
            Product::Latchkey | Product::Servo => Ok(None),
            Product::Chromium | Product::Other => {
                webdriver::write_report_script(scratch, arguments.timeout_multiplier).map(Some)
            },
        }
    }

    /// Prepares a browser.
    ///
    /// # Errors
    ///
    /// If it is not there, or something that it needs.
    pub fn new(
        product: Product,
        arguments: &Arguments,
        served: &Served,
        scratch: &Path,
        interruption: &Interruption,
    ) -> Result<Self> {
        let capabilities = match product {
            Product::Latchkey | Product::Servo => {
                let launcher = launcher(product, arguments, served, scratch, interruption)?;
                return Ok(Self::Process(launcher));
            },
            Product::Chromium => Capabilities::for_chromium(
                arguments.chromium.as_deref(),
                served.hosts(),
                &served.root_certificate(),
                &served.secure_url()?,
                scratch,
                &arguments.browser_arg,
            )?,
            Product::Other => Capabilities::Other {
                more: match &arguments.capabilities {
                    Some(path) => read_capabilities(path)?,
                    None => Map::new(),
                },
            },
        };
        let driver = match &arguments.webdriver {
            Some(url) => webdriver::Driver::Running(url.clone()),
            None => webdriver::Driver::Program(arguments.webdriver_binary.clone()),
        };
        Ok(Self::WebDriver {
            browsers: Browsers::new(driver, capabilities, scratch, interruption),
            // It calls itself Chrome, which it is not.
            name: (product == Product::Chromium).then(|| product.name()),
        })
    }

    /// Runs a test to its end, or until the deadline.
    ///
    /// # Errors
    ///
    /// If the browser cannot be started at all, or a signal ends the run. What a test does to a browser that runs is a result.
    pub fn run(&self, test: &str, url: &Url, deadline: Duration) -> Result<TestResult> {
        match self {
            Self::Process(launcher) => launcher.run(test, url, deadline),
            Self::WebDriver { browsers, name } => {
                let mut result = browsers.run(test, url, deadline)?;
                if let Some(name) = name {
                    (*name).clone_into(&mut result.browser.product);
                }
                Ok(result)
            },
        }
    }
}

/// A process with this project's options.
fn launcher(
    product: Product,
    arguments: &Arguments,
    served: &Served,
    scratch: &Path,
    interruption: &Interruption,
) -> Result<Launcher> {
    let scripts = report_script::write(scratch, arguments.timeout_multiplier)?;
    let named = match product {
        Product::Servo => &arguments.servo,
        _ => &arguments.browser,
    };
    let program = match named {
        Some(path) => path.clone(),
        None => browser_program::built_browser()?,
    };
    let is_own = matches!(served, Served::Own(_));
    let plays_the_user = browser_program::has_option(&program, TEST_DRIVER)?;
    Ok(Launcher {
        browser: Browser::new(product.name(), &browser_program::version(&program)?),
        program,
        arguments: [
            OsString::from("--headless"),
            "--hard-fail".into(),
            "--userscripts".into(),
            scripts.into(),
        ]
        .into_iter()
        .chain(plays_the_user.then(|| TEST_DRIVER.into()))
        .chain(served.browser_arguments())
        .chain(arguments.browser_arg.iter().cloned())
        .collect(),
        environment: vec![("HOST_FILE".into(), served.hosts().into())],
        // Our tests may have the user allow something for ever.
        profiles: is_own.then(|| scratch.to_owned()),
        interruption: interruption.clone(),
    })
}

fn read_capabilities(path: &Path) -> Result<Map<String, Value>> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is no JSON object of capabilities", path.display()))
}
