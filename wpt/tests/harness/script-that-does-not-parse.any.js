test(() => {}, "There is no parenthesis at the end";
