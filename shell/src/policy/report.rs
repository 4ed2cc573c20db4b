//! What was found in policy files.

use user_cors::PolicyStatus;

use super::files::PolicyFile;

/// A file and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub file: PolicyFile,
    /// What is in it.
    pub status: PolicyStatus,
    /// Whether it plays a part; a file that another stands in for does not.
    pub counts: bool,
}

impl FileReport {
    /// What is in it, in a few words.
    pub fn summary(&self) -> String {
        let state = match &self.status {
            PolicyStatus::None => return "not there".to_owned(),
            PolicyStatus::Unusable(error) => format!("cannot be used: {error}"),
            PolicyStatus::InForce(policy) if policy.locked => "locked".to_owned(),
            PolicyStatus::InForce(_) => "not locked".to_owned(),
        };
        if self.counts {
            state
        } else {
            format!("{state}; --policy stands in its place")
        }
    }
}

/// All policy files, and what they come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyReport {
    /// The files, the weightiest first.
    pub files: Vec<FileReport>,
    /// What they come to.
    pub in_force: PolicyStatus,
}

impl PolicyReport {
    /// What is wrong, a sentence for each file that counts and cannot be used, with path, line and column.
    pub fn problems(&self) -> Vec<String> {
        self.files
            .iter()
            .filter(|report| report.counts)
            .filter_map(|report| match &report.status {
                PolicyStatus::Unusable(error) => Some(format!(
                    "The policy {} cannot be used, so user-enabled CORS is off: {error}.",
                    report.file.path.display()
                )),
                PolicyStatus::None | PolicyStatus::InForce(_) => None,
            })
            .collect()
    }

    /// Writes what is wrong to standard error.
    pub fn tell(&self) {
        for problem in self.problems() {
            eprintln!("latchkey: {problem}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::PolicyPlaces;

    #[test]
    fn a_problem_has_a_path_a_line_and_a_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policies.json");
        fs::write(
            &path,
            "{\"policies\": {\n  \"UserEnabledCORS\": {\"Enabeld\": true}}}",
        )
        .unwrap();
        let report = PolicyPlaces::at(Some(&path), None, None).read();
        let problems = report.problems();
        let [problem] = &problems[..] else {
            panic!("{problems:?}");
        };
        for part in [
            &path.display().to_string(),
            "line 2",
            "column",
            "Enabeld",
            "is off",
        ] {
            assert!(problem.contains(part), "{problem}");
        }
        assert!(
            report.files[0].summary().starts_with("cannot be used"),
            "{report:?}"
        );
    }
}
