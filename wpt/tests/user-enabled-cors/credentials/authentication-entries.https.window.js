// META: title=User-enabled CORS: authentication that the browser remembers
// META: script=/user-enabled-cors/resources/servers.sub.js

// Has a frame of the target log in there, and tells what a later request of that frame is sent: the browser remembers.
function logIn(t, origin) {
  const url = handler(origin, "authentication.py");
  const script = `
    function send(...login) {
      return new Promise((resolve) => {
        const xhr = new XMLHttpRequest();
        xhr.open("GET", ${JSON.stringify(url)}, true, ...login);
        xhr.onloadend = () => resolve(xhr.responseText);
        xhr.send();
      });
    }
    send("user", "secret").then(() => send()).then((text) => parent.postMessage(text, "*"));`;
  const frame = document.createElement("iframe");
  t.add_cleanup(() => frame.remove());
  return new Promise((resolve) => {
    addEventListener("message", (event) => resolve(JSON.parse(event.data)), { once: true });
    frame.src = respond(origin, { type: "text/html", body: `<script>${script}<\/script>` });
    document.body.append(frame);
  });
}

for (const [title, answer, init] of [
  ["a simple request", "once", {}],
  ["a request after a preflight", "once", { method: "PUT" }],
  ["under a permission", "visit", {}],
  ["a request that is declined", "notNow", {}],
]) {
  promise_test(async (t) => {
    const origin = ANSWERS[answer];
    const remembered = await logIn(t, origin);
    assert_equals(headerOf(remembered, "authorization"), `Basic ${btoa("user:secret")}`, "the browser has an entry");

    const token = newToken();
    const response = await fetch(handler(origin, "authentication.py", { token }), init).catch(() => null);
    if (answer !== "notNow") {
      assert_equals(response.status, 401);
    } else {
      assert_equals(response, null);
    }
    const records = await seen(token);
    assert_greater_than(records.length, 0);
    for (const record of records) {
      assert_equals(headerOf(record, "authorization"), null);
    }
  }, `It is not sent: ${title}`);
}
