// META: title=User-enabled CORS: XMLHttpRequest
// META: script=/user-enabled-cors/resources/servers.sub.js

function load(t, method, url, prepare = () => {}) {
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.onloadend = t.step_func(() => resolve(xhr));
    prepare(xhr);
    xhr.send();
  });
}

promise_test(async (t) => {
  const xhr = await load(t, "GET", respond(ANSWERS.once, { body: "text", header: "X-Custom:1" }));
  assert_equals(xhr.status, 200);
  assert_equals(xhr.responseText, "text");
  assert_equals(xhr.getResponseHeader("x-custom"), "1");
}, "An allowed response is read");

promise_test(async (t) => {
  const xhr = await load(t, "GET", respond(ANSWERS.notNow));
  assert_equals(xhr.status, 0);
  assert_equals(xhr.responseText, "");
  assert_equals(xhr.getAllResponseHeaders(), "");
}, "A declined one is a network error");

promise_test(async (t) => {
  const xhr = await load(t, "GET", respond(ANSWERS.once), (xhr) => {
    xhr.withCredentials = true;
  });
  assert_equals(xhr.status, 0);
}, "withCredentials");

promise_test(async (t) => {
  const xhr = await load(t, "DELETE", respond(ANSWERS.visit, { status: 204 }), (xhr) => {
    xhr.setRequestHeader("X-Custom", "1");
  });
  assert_equals(xhr.status, 204);
}, "A request that needs a preflight");
