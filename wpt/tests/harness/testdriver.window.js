// META: title=Harness: testdriver.js and the vendor's part

const OURS = "Mozilla/5.0 Servo/1.0 Firefox/1.0";
const ANOTHER = "Mozilla/5.0 Chrome/1.0";

// A frame with a pretended browser.
function driven(t, agent, answer) {
  return new Promise((resolve) => {
    const frame = document.createElement("iframe");
    const parameters = new URLSearchParams({ agent });
    if (answer !== undefined) {
      parameters.set("answer", answer);
    }
    frame.src = `resources/driven.html?${parameters}`;
    frame.onload = () => resolve(frame.contentWindow);
    t.add_cleanup(() => frame.remove());
    document.body.append(frame);
  });
}

promise_test(async (t) => {
  const page = await driven(t, ANOTHER, '{"ok":1}');
  assert_false(page.test_driver_internal.in_automation);
  assert_equals(page.test_driver_internal.user_enabled_cors, undefined);
}, "In another browser the vendor's part does nothing");

promise_test(async (t) => {
  const page = await driven(t, OURS, '{"ok":[{"id":1}]}');
  assert_true(page.test_driver_internal.in_automation);
  const questions = await page.test_driver_internal.user_enabled_cors("questions", { command: "clear", x: "ü\n" });
  assert_equals(JSON.stringify(questions), '[{"id":1}]');
  const [text] = page.eval("asked");
  const prefix = "latchkey-test-driver:";
  assert_equals(text.slice(0, prefix.length), prefix);
  assert_object_equals(JSON.parse(text.slice(prefix.length)), { command: "questions", x: "ü\n" });
}, "A command is asked for, and its value is handed back");

promise_test(async (t) => {
  const page = await driven(t, OURS, '{"error":"no such choice"}');
  const error = await page.test_driver_internal.user_enabled_cors("answer").catch((error) => error);
  assert_equals(error.message, "answer: no such choice");
}, "A command that failed rejects with the reason");

promise_test(async (t) => {
  const page = await driven(t, OURS);
  const error = await page.test_driver_internal.user_enabled_cors("clear").catch((error) => error);
  assert_equals(error.message, "the browser was not started with --test-driver");
}, "A browser that does not know the commands is told at once");

promise_test(async (t) => {
  const page = await driven(t, OURS, '{"ok":null}');
  const before = page.document.body.childElementCount;
  const blessed = page.test_driver.bless("read the answer", () => 42);
  await t.step_wait(() => page.eval("asked.length") > 0, "the browser is asked to click");
  const { command, x, y } = JSON.parse(page.eval("asked[0]").replace("latchkey-test-driver:", ""));
  assert_equals(command, "click");
  const frame = page.frameElement.getBoundingClientRect();
  assert_between_inclusive(x, frame.left, frame.right);
  assert_between_inclusive(y, frame.top, frame.bottom);
  page.document.getElementsByTagName("button")[0].click();
  assert_equals(await blessed, 42);
  assert_equals(page.document.body.childElementCount, before);
}, "bless() acts when the user has");

promise_test(async (t) => {
  const page = await driven(t, ANOTHER);
  let isDone = false;
  const done = page.test_driver.bless("read the answer", () => { isDone = true; });
  const [button] = page.document.getElementsByTagName("button");
  await new Promise((resolve) => t.step_timeout(resolve, 0));
  assert_false(isDone);
  button.click();
  await done;
  assert_true(isDone);
}, "Without a vendor bless() waits for a person");

promise_test(async (t) => {
  const page = await driven(t, OURS, '{"ok":null}');
  await promise_rejects_js(t, page.Error, page.test_driver.click(page.document.createElement("a")));
}, "Only what is in a document can be clicked");
