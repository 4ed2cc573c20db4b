// META: title=User-enabled CORS: XMLHttpRequest: who is asked
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET, { body: "text" }));
  const ended = new Promise((resolve) => (xhr.onloadend = resolve));
  xhr.send();
  const question = await user.decide(t, "once");
  assert_equals(question.requester, TEST_ORIGIN);
  assert_equals(question.requests.length, 1);
  await ended;
  assert_equals(xhr.responseText, "text");
}, "An asynchronous request asks");

user_test(async () => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET), false);
  assert_throws_dom("NetworkError", () => xhr.send());
  await user.assertNotAsked();
}, "A synchronous one does not");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.decide(t, "visit");
  await promise;
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET, { body: "text" }), false);
  xhr.send();
  assert_equals(xhr.responseText, "text");
}, "It uses what was allowed");

user_test(async () => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET));
  xhr.withCredentials = true;
  const ended = new Promise((resolve) => (xhr.onloadend = resolve));
  xhr.send();
  await ended;
  assert_equals(xhr.status, 0);
  await user.assertNotAsked();
}, "One with credentials does not ask");
