test((t) => t.add_cleanup(() => { throw new Error("is meant to fail"); }), "A test whose cleanup fails");
