//! The browser's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    latchkey::main()
}
