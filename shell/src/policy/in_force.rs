//! What is in force, and by whose word: for `--print-policy` and for the permissions page.

use std::fmt::Write;

use user_cors::{DualCheck, Egress, LocalNetwork, Policy, PolicyStatus, Settings, Switch};

use super::report::PolicyReport;

/// One value that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The policy's name of it.
    pub name: &'static str,
    /// The value, as a policy would have it.
    pub value: String,
    /// By whose word.
    pub source: String,
    /// Whether the user's settings cannot change it.
    pub is_fixed: bool,
}

/// The sources of values that no policy sets.
const BY_DEFAULT: &str = "default";
const BY_SETTING: &str = "your setting";

/// What these files and settings come to, in the order of the policy's names.
pub fn in_force(report: &PolicyReport, settings: &Settings) -> Vec<InForce> {
    let status = &report.in_force;
    let by_policy = |says: &dyn Fn(&Policy) -> bool| source(report, says);
    let mut values = vec![
        InForce {
            name: "Enabled",
            value: status.switched_off(settings.enabled).is_ok().to_string(),
            is_fixed: status.fixes_switch(),
            source: if status.fixes_switch() {
                by_policy(&|policy| policy.enabled.is_some())
            } else {
                own(settings.enabled == Switch::default()).to_owned()
            },
        },
        InForce {
            name: "LocalNetwork",
            value: match status.local_network(settings.local_network) {
                LocalNetwork::Block => "block".to_owned(),
                LocalNetwork::Warn => "warn".to_owned(),
            },
            is_fixed: status.fixes_local_network(),
            source: if status.fixes_local_network() {
                by_policy(&|policy| policy.local_network.is_some())
            } else {
                own(settings.local_network == LocalNetwork::default()).to_owned()
            },
        },
        InForce {
            name: "Egress",
            value: status.egress(&settings.egress).to_string(),
            is_fixed: status.fixes_egress(),
            source: if status.fixes_egress() {
                by_policy(&|policy| policy.egress.is_some())
            } else {
                own(settings.egress == Egress::default()).to_owned()
            },
        },
        InForce {
            name: "DualCheck",
            value: (status.dual_check(settings.dual_check) == DualCheck::On).to_string(),
            is_fixed: status.fixes_dual_check(),
            source: if status.fixes_dual_check() {
                by_policy(&|policy| policy.dual_check.is_some())
            } else {
                own(settings.dual_check == DualCheck::default()).to_owned()
            },
        },
        InForce {
            name: "MaxGrantDays",
            value: status.max_grant_days().to_string(),
            is_fixed: true,
            source: match status.policy().and_then(|policy| policy.max_grant_days) {
                Some(_) => by_policy(&|policy| policy.max_grant_days.is_some()),
                None => BY_DEFAULT.to_owned(),
            },
        },
    ];
    if let Some(policy) = status.policy() {
        lists(policy, report, &mut values);
    }
    values
}

/// One value for each entry of each list of a policy.
fn lists(policy: &Policy, report: &PolicyReport, values: &mut Vec<InForce>) {
    let mut add = |name: &'static str, value: String, says: &dyn Fn(&Policy) -> bool| {
        values.push(InForce {
            name,
            value,
            source: source(report, says),
            is_fixed: true,
        });
    };
    for pattern in &policy.blocked_targets {
        add("BlockedTargets", pattern.to_string(), &|policy| {
            policy.blocked_targets.contains(pattern)
        });
    }
    for path in &policy.blocklists {
        add("Blocklists", path.display().to_string(), &|policy| {
            policy.blocklists.contains(path)
        });
    }
    for pair in &policy.allowed_pairs {
        let value = format!("{} reads from {}", pair.requester, pair.target);
        add("AllowedPairs", value, &|policy| {
            policy.allowed_pairs.contains(pair)
        });
    }
    for pattern in &policy.blocked_requesters {
        add("BlockedRequesters", pattern.to_string(), &|policy| {
            policy.blocked_requesters.contains(pattern)
        });
    }
    for range in &policy.address_spaces {
        let value = format!("{} is {}", range.0, range.1.as_str());
        add("AddressSpaces", value, &|policy| {
            policy.address_spaces.contains(range)
        });
    }
    for path in &policy.extra_roots {
        add("ExtraRoots", path.display().to_string(), &|policy| {
            policy.extra_roots.contains(path)
        });
    }
    if policy.locked {
        add("Locked", true.to_string(), &|policy| policy.locked);
    }
}

/// The files that say something; where one cannot be used, that one.
fn source(report: &PolicyReport, says: &dyn Fn(&Policy) -> bool) -> String {
    let counting = || report.files.iter().filter(|file| file.counts);
    let is_unusable = matches!(report.in_force, PolicyStatus::Unusable(_));
    let paths: Vec<String> = counting()
        .filter(|file| match &file.status {
            PolicyStatus::None => false,
            PolicyStatus::InForce(policy) => !is_unusable && says(policy),
            PolicyStatus::Unusable(_) => true,
        })
        .map(|file| file.file.path.display().to_string())
        .collect();
    if paths.is_empty() {
        // Set while the browser runs, by a test's driver.
        "policy".to_owned()
    } else {
        paths.join(", ")
    }
}

fn own(is_default: bool) -> &'static str {
    if is_default { BY_DEFAULT } else { BY_SETTING }
}

/// What `--print-policy` prints: the files, and what is in force with its source.
pub fn print(report: &PolicyReport, settings: &Settings) -> String {
    let mut text = String::from("Policy files, the weightiest first:\n");
    // Writing to a string does not fail.
    for file in &report.files {
        let _ = writeln!(
            text,
            "  {} ({}): {}",
            file.file.path.display(),
            file.file.rank.as_str(),
            file.summary()
        );
    }
    text.push_str("In force:\n");
    for value in in_force(report, settings) {
        let lock = if value.is_fixed && value.source != BY_DEFAULT {
            ", fixed"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "  {}: {} ({}{lock})",
            value.name, value.value, value.source
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::PolicyPlaces;
    use super::*;

    fn report(machine: &Path, user: &Path, texts: [&str; 2]) -> PolicyReport {
        for (path, inner) in [machine, user].into_iter().zip(texts) {
            let text = format!("{{\"policies\": {{\"UserEnabledCORS\": {{{inner}}}}}}}");
            fs::write(path, text).unwrap();
        }
        PolicyPlaces::at(Some(machine), Some(user), None).read()
    }

    fn find<'a>(values: &'a [InForce], name: &str) -> &'a InForce {
        values.iter().find(|value| value.name == name).unwrap()
    }

    #[test]
    fn each_value_has_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let (machine, user) = (folder.path().join("m"), folder.path().join("u"));
        let report = report(
            &machine,
            &user,
            [
                r#""Enabled": false, "Egress": "http://proxy.example:3128", "BlockedTargets": ["https://a.example"]"#,
                r#""BlockedTargets": ["https://b.example", "https://a.example"], "MaxGrantDays": 7"#,
            ],
        );
        let settings = Settings {
            local_network: LocalNetwork::Warn,
            ..Settings::default()
        };
        let values = in_force(&report, &settings);
        let path = |path: &Path| path.display().to_string();
        let enabled = find(&values, "Enabled");
        assert_eq!((enabled.value.as_str(), enabled.is_fixed), ("false", true));
        assert_eq!(enabled.source, path(&machine));
        let egress = find(&values, "Egress");
        assert_eq!(
            (
                egress.value.as_str(),
                egress.source.as_str(),
                egress.is_fixed
            ),
            ("http://proxy.example:3128", &*path(&machine), true)
        );
        let dual_check = find(&values, "DualCheck");
        assert_eq!(
            (dual_check.value.as_str(), dual_check.is_fixed),
            ("false", false)
        );
        let local = find(&values, "LocalNetwork");
        assert_eq!(
            (local.value.as_str(), local.source.as_str(), local.is_fixed),
            ("warn", BY_SETTING, false)
        );
        assert_eq!(find(&values, "MaxGrantDays").source, path(&user));
        let blocked: Vec<_> = values
            .iter()
            .filter(|value| value.name == "BlockedTargets")
            .map(|value| (value.value.clone(), value.source.clone()))
            .collect();
        assert_eq!(
            blocked,
            [
                (
                    "https://a.example".to_owned(),
                    format!("{}, {}", path(&machine), path(&user))
                ),
                ("https://b.example".to_owned(), path(&user)),
            ]
        );
    }

    #[test]
    fn what_is_printed_names_files_values_and_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let (machine, user) = (folder.path().join("m"), folder.path().join("u"));
        let report = report(&machine, &user, [r#""Enabeld": 1"#, r#""MaxGrantDays": 7"#]);
        let text = print(&report, &Settings::default());
        for part in [
            "(machine-wide): cannot be used: the policy file is wrong at line 1",
            "(yours): not locked",
            &format!("Enabled: false ({}, fixed)", machine.display()),
            "LocalNetwork: block",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let nothing = print(&PolicyReport::default(), &Settings::default());
        assert!(nothing.contains("Enabled: true (default)"), "{nothing}");
    }
}
