setup(() => assert_implements_optional(false, "is meant to be missing"));
promise_test(async () => {}, "A test that does not apply");
