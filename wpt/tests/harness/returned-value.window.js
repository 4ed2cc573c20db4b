test(() => Promise.resolve(), "A test that returns something");
test(() => {}, "A test after it");
