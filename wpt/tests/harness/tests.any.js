// META: title=Harness: kinds of tests, steps and cleanups

const order = [];

test(function (t) {
  assert_equals(this, t);
  t.add_cleanup(() => { order.push("cleanup"); });
  order.push("test");
}, "A synchronous test");

test(() => assert_array_equals(order, ["test", "cleanup"]), "Cleanups run when the test is done");

async_test((t) => {
  step_timeout(t.step_func_done(() => assert_equals(t.name, "An asynchronous test")), 0);
}, "An asynchronous test");

const apart = async_test("An asynchronous test without a function");
setTimeout(apart.step_func_done(), 0);

promise_test(async (t) => {
  order.length = 0;
  t.add_cleanup(() => new Promise((resolve) => setTimeout(resolve, 20)).then(() => order.push("late cleanup")));
}, "A promise test with a cleanup that takes time");

promise_test(async () => assert_array_equals(order, ["late cleanup"]), "The next promise test waits for it");

promise_test(async (t) => {
  let count = 0;
  await t.step_wait(() => ++count > 2, "three times", 1000, 5);
  assert_equals(count, 3);
}, "Waiting for a condition");

promise_test(async (t) => {
  const target = new EventTarget();
  const watcher = new EventWatcher(t, target, ["one", "two"]);
  const events = watcher.wait_for(["one", "two"], { record: "all" });
  target.dispatchEvent(new Event("one"));
  target.dispatchEvent(new Event("two"));
  assert_array_equals((await events).map((event) => event.type), ["one", "two"]);
}, "Waiting for events");

promise_test(async (t) => {
  const signal = t.get_signal();
  assert_false(signal.aborted);
  t.add_cleanup(() => assert_true(signal.aborted));
}, "A signal that is aborted when the test is done");

test((t) => {
  t.step(() => assert_true(false, "is meant to fail"));
  throw new Error("what comes after a failure does not count");
}, "Fails: an assertion in a step");

promise_test(async () => {
  throw new TypeError("is meant to fail");
}, "Fails: a promise test whose promise is rejected");

async_test((t) => {
  setTimeout(t.unreached_func("is meant to fail"), 0);
}, "Fails: what should not be reached");

test(() => assert_implements_optional(false, "is meant to be missing"), "Does not apply: an optional feature");
