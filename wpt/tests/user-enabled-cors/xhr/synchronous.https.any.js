// META: title=User-enabled CORS: synchronous XMLHttpRequest uses what is allowed and never asks
// META: script=/user-enabled-cors/resources/servers.sub.js

function sendSync(method, url, headers = {}) {
  const xhr = new XMLHttpRequest();
  xhr.open(method, url, false);
  for (const [name, value] of Object.entries(headers)) {
    xhr.setRequestHeader(name, value);
  }
  xhr.send();
  return xhr;
}

// Before a visit is allowed; these go first.
for (const answer of ["once", "visit", "notNow"]) {
  test(() => {
    assert_throws_dom("NetworkError", () => sendSync("GET", respond(ANSWERS[answer])));
  }, `Nobody is asked, whatever would be answered: ${answer}`);
}

promise_test(async () => {
  await fetch(respond(ANSWERS.once));
  assert_throws_dom("NetworkError", () => sendSync("GET", respond(ANSWERS.once)));
}, "What was allowed once is no permission");

promise_test(async () => {
  await fetch(respond(ANSWERS.visit));
  const xhr = sendSync("GET", respond(ANSWERS.visit, { body: "text", header: "X-A:1" }));
  assert_equals(xhr.status, 200);
  assert_equals(xhr.responseText, "text");
  assert_equals(xhr.getResponseHeader("x-a"), "1");
}, "What was allowed for a visit is");

promise_test(async () => {
  await fetch(respond(ANSWERS.visit));
  assert_throws_dom("NetworkError", () => sendSync("DELETE", respond(ANSWERS.visit)));
}, "A method that was not allowed is not asked about");

promise_test(async () => {
  await fetch(respond(ANSWERS.visit), { headers: { "X-Custom": "1" } });
  const xhr = sendSync("GET", respond(ANSWERS.visit, { body: "text" }), { "X-Custom": "1" });
  assert_equals(xhr.responseText, "text");
  assert_throws_dom("NetworkError", () => sendSync("GET", respond(ANSWERS.visit), { "X-Other": "1" }));
}, "Nor is a header field");

test(() => {
  const xhr = sendSync("GET", respond(ANSWERS.notNow, { body: "text", header: ALLOW_ALL }));
  assert_equals(xhr.responseText, "text");
}, "A server that allows it needs nobody");
