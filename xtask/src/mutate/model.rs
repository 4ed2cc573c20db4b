//! `cargo xtask mutate --model`: breaks rules of the permission model, and shows which invariants notice on generated histories.
//!
//! That a check finds a history that was broken by hand says that the check works. This says that the histories come to the rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use super::model_mutations::MODEL_MUTATIONS;
use super::mutations::Mutation;
use super::{APART, VARIABLE, copy};
use crate::build::Cargo;
use crate::workspace::Workspace;

/// The folder of the copy that is broken, in that of all builds.
const COPY: &str = "mutated-model";

/// Where the table is kept, in the checkout.
const TABLE: &str = "docs/model-mutations.md";

/// The tests that check histories.
const TESTS: [&str; 2] = [
    "generated_histories_keep_the_invariants",
    "what_a_page_may_not_know_makes_no_difference",
];

/// A rule of the model that is broken, and the invariant that has to notice.
pub(super) struct ModelMutation {
    /// The number of the invariant.
    pub(super) invariant: u8,
    /// What is broken. No fixtures are run.
    pub(super) mutation: Mutation,
}

/// Breaks all rules of the model, of which the table is kept, or those that are named. The exit status says whether each was
/// noticed by its invariant.
pub(super) fn run(workspace: &Workspace, names: &[&str]) -> Result<ExitCode> {
    let chosen: Vec<&ModelMutation> = MODEL_MUTATIONS
        .iter()
        .filter(|broken| names.is_empty() || names.contains(&broken.mutation.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = MODEL_MUTATIONS
            .iter()
            .map(|broken| broken.mutation.name)
            .collect();
        return Ok(crate::usage_error(&format!(
            "there is no such mutation of the model; there are {}",
            names.join(", ")
        )));
    }
    let cargo = Cargo::new(workspace)?;
    let mutations = MODEL_MUTATIONS.iter().map(|broken| &broken.mutation);
    let copy = workspace.target_of(COPY);
    copy::make(workspace.root(), &copy, mutations)?;
    let program = cargo.test_program(&copy, "user-cors", "invariants", APART)?;

    ensure!(
        noticed(&program, "")?.is_empty(),
        "the histories break an invariant without a mutation"
    );
    let mut rows = Vec::new();
    for broken in chosen {
        let by = noticed(&program, broken.mutation.name)?;
        println!("{}: {}", broken.mutation.name, listed(&by));
        rows.push((broken, by));
    }
    let table = table(&rows);
    if names.is_empty() {
        let path = workspace.root().join(TABLE);
        fs::write(&path, document(&table)).with_context(|| format!("{}", path.display()))?;
    }
    println!("\n{table}");
    let unnoticed = rows
        .iter()
        .any(|(broken, by)| !by.contains(&broken.invariant));
    Ok(if unnoticed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The invariants that the histories of a model with this mutation break, as far as each test comes.
fn noticed(program: &Path, mutation: &str) -> Result<BTreeSet<u8>> {
    let mut by = BTreeSet::new();
    for test in TESTS {
        let run = Command::new(program)
            .args(["--exact", test])
            .env(VARIABLE, mutation)
            .output()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        by.extend(broken_invariants(&String::from_utf8_lossy(&run.stdout)));
    }
    Ok(by)
}

/// The numbers of the invariants that a test's output names.
fn broken_invariants(output: &str) -> BTreeSet<u8> {
    let mut by = BTreeSet::new();
    for line in output.lines() {
        if let Some((_, found)) = line.split_once(": [(")
            && line.starts_with("seed ")
        {
            by.extend(found.split("\"), (").filter_map(|violation| {
                let (number, _) = violation.split_once(", \"")?;
                number.parse::<u8>().ok()
            }));
        }
        // What happens elsewhere has settled something here.
        let is_settled = line.starts_with("[Settlement {");
        if is_settled || line.starts_with("seed ") && line.contains(" where the other has ") {
            by.insert(7);
        }
        // What drives the histories notices by itself what has no end, or two.
        if line.contains("the model forgot a request") || line.contains("but nothing waits for it")
        {
            by.insert(9);
        }
    }
    by
}

fn listed(by: &BTreeSet<u8>) -> String {
    if by.is_empty() {
        return "none".to_owned();
    }
    let numbers: Vec<String> = by.iter().map(u8::to_string).collect();
    numbers.join(", ")
}

fn table(rows: &[(&ModelMutation, BTreeSet<u8>)]) -> String {
    let mut table = String::from(
        "| mutation | the rule that it breaks | of invariant | noticed by |\n| --- | --- | --- | --- |\n",
    );
    for (broken, by) in rows {
        table.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            broken.mutation.name,
            broken.mutation.rule,
            broken.invariant,
            listed(by)
        ));
    }
    table
}

fn document(table: &str) -> String {
    format!(
        "# Mutations of the model\n\n\
         Which of the ten invariants notice on [generated histories](../engine/user-cors/tests/invariants) when one rule of the \
         permission\nmodel is broken in its code. `cargo xtask mutate --model` breaks them one at a time, as\n\
         [`model_mutations.rs`](../xtask/src/mutate/model_mutations.rs) says, and writes this page. A test of histories ends at the first one\n\
         that breaks an invariant, so that it may name one of several. [Mutations](mutations.md) has what the fixtures notice.\n\n{table}\n\
         Some rules can be broken alone without a history that shows it, as another stands behind each: what a denial ends has also\n\
         lost its grant; a grant that is not looked at again before delivery is looked at when the bytes are counted; and addresses of\n\
         another kind are classified again with the response.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate::copy::apply;

    #[test]
    fn every_mutation_of_the_model_fits_one_place_and_each_invariant_has_one() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut names = BTreeSet::new();
        for ModelMutation { mutation, .. } in MODEL_MUTATIONS {
            let text = fs::read_to_string(root.join(mutation.file)).expect(mutation.file);
            let broken = apply(mutation, &text).expect("it fits");
            assert!(broken.contains(mutation.name) && !broken.contains("{on}"));
            assert!(names.insert(mutation.name), "{} twice", mutation.name);
        }
        let invariants: BTreeSet<u8> = MODEL_MUTATIONS
            .iter()
            .map(|broken| broken.invariant)
            .collect();
        assert_eq!(invariants, (1..=10).collect());
    }

    #[test]
    fn invariants_are_read_from_what_a_test_says() {
        for (output, expected) in [
            ("test result: ok. 1 passed\n", &[][..]),
            (
                "thread panicked at main.rs:1:1:\nseed 389: [(2, \"RequestNo(7) was delivered\"), (5, \"RequestNo(7) came\")]\n",
                &[2, 5],
            ),
            ("seed 10: [(10, \"RequestNo(1) was helped\")]\n", &[10]),
            ("seed 3: Some(Quit) where the other has None\n", &[7]),
            ("[Settlement { ticket: TicketId(4) }]\n", &[7]),
            ("the model forgot a request\n", &[9]),
            ("[(4, \"no seed\")]\n", &[]),
        ] {
            let found: Vec<u8> = broken_invariants(output).into_iter().collect();
            assert_eq!(found, expected, "{output}");
        }
    }
}
