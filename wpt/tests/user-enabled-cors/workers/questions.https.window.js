// META: title=User-enabled CORS: dedicated workers: who is asked
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const SCRIPT = 'onmessage = (event) => fetch(event.data).then((r) => r.text(), (e) => e.name).then(postMessage);';

function fetchInWorker(t, url) {
  const worker = new Worker(respond(TEST_ORIGIN, { type: "text/javascript", body: SCRIPT }));
  t.add_cleanup(() => worker.terminate());
  worker.postMessage(url);
  const result = new Promise((resolve) => (worker.onmessage = (event) => resolve(event.data)));
  return { worker, result };
}

user_test(async (t) => {
  const { result } = fetchInWorker(t, respond(TARGET, { body: "text" }));
  const question = await user.decide(t, "once");
  assert_equals(question.requester, TEST_ORIGIN);
  assert_equals(await result, "text");
}, "The user is asked in the tab of the worker's page");

user_test(async (t) => {
  const { result } = fetchInWorker(t, respond(TARGET));
  await user.decide(t, "not-now");
  assert_equals(await result, "TypeError");
}, "A no is the worker's failure");

user_test(async (t) => {
  const { result } = fetchInWorker(t, respond(TARGET, { body: "text" }));
  await user.decide(t, "visit");
  await result;
  const response = await fetch(respond(TARGET, { body: "page" }));
  assert_equals(await response.text(), "page");
  await user.assertNotAsked();
}, "What a worker was allowed its page may read");

user_test(async (t) => {
  const token = newToken();
  const worker = new Worker(
    respond(TEST_ORIGIN, { type: "text/javascript", body: "onmessage = (event) => fetch(event.data, { method: 'PUT' });" })
  );
  worker.postMessage(respond(TARGET, { token }));
  await user.question(t);
  worker.terminate();
  await user.question(t, (question) => question.requests[0].state === "cancelled");
  await user.decide(t, "visit");
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
}, "A worker that ended is sent nothing for");
