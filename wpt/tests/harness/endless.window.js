test(() => {}, "A test that ends");
async_test(() => {}, "A test that does not");
promise_test(() => new Promise(() => {}), "A promise that is never settled");
promise_test(async () => {}, "What waits for it");
