// The place of what a vendor adds to the harness: here nothing, as the runner asks for the results by itself.
