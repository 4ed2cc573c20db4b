// META: title=User-enabled CORS: XMLHttpRequest: events and responses
// META: script=/user-enabled-cors/resources/servers.sub.js

const TYPES = ["loadstart", "progress", "load", "error", "abort", "timeout", "loadend"];

// Sends a request; tells its events, with the ready states, once it has ended.
function send(method, url, { prepare = () => {}, body } = {}) {
  const xhr = new XMLHttpRequest();
  const events = [];
  xhr.onreadystatechange = () => events.push(xhr.readyState);
  for (const type of TYPES) {
    xhr.addEventListener(type, () => events.push(type));
  }
  xhr.open(method, url);
  prepare(xhr, events);
  return new Promise((resolve) => {
    xhr.addEventListener("loadend", () => resolve({ xhr, events }));
    xhr.send(body);
  });
}

// Events that may come any number of times are left out where they repeat.
const withoutRepeats = (events) => events.filter((event, index) => event !== events[index - 1]);

promise_test(async () => {
  const { events } = await send("GET", respond(ANSWERS.once, { body: "text" }));
  assert_array_equals(withoutRepeats(events), [1, "loadstart", 2, 3, "progress", 4, "load", "loadend"]);
}, "The events of a request that is allowed");

for (const [title, url] of [
  ["declined", respond(ANSWERS.notNow)],
  ["never allowed", respond(ANSWERS.never)],
  ["for which nobody is asked", respond(ANSWERS.once, { header: "Access-Control-Prevent-Origin:*" })],
]) {
  promise_test(async () => {
    const { xhr, events } = await send("GET", url);
    assert_array_equals(events, [1, "loadstart", 4, "error", "loadend"]);
    assert_equals(xhr.status, 0);
    assert_equals(xhr.statusText, "");
    assert_equals(xhr.response, "");
    assert_equals(xhr.responseURL, "");
    assert_equals(xhr.getAllResponseHeaders(), "");
  }, `The events of a request that is ${title}`);
}

for (const [responseType, read] of [
  ["", (xhr) => xhr.responseText],
  ["text", (xhr) => xhr.response],
  ["json", (xhr) => JSON.stringify(xhr.response)],
  ["arraybuffer", (xhr) => new TextDecoder().decode(xhr.response)],
  ["blob", (xhr) => xhr.response.text()],
]) {
  promise_test(async () => {
    const url = respond(ANSWERS.once, { body: "[1,2]", type: "application/json" });
    const { xhr } = await send("GET", url, { prepare: (xhr) => (xhr.responseType = responseType) });
    assert_equals(await read(xhr), "[1,2]");
    assert_equals(xhr.responseURL, url);
  }, `The response type "${responseType}"`);
}

promise_test(async () => {
  const header = ["X-A:1", "Set-Cookie:a=1", "WWW-Authenticate:Basic", "Proxy-Status:x"];
  const { xhr } = await send("GET", respond(ANSWERS.once, { header }));
  assert_equals(xhr.getResponseHeader("X-A"), "1");
  const all = xhr.getAllResponseHeaders();
  assert_true(all.includes("x-a: 1\r\n"));
  for (const name of ["set-cookie", "www-authenticate", "proxy-status"]) {
    assert_equals(xhr.getResponseHeader(name), null);
    assert_false(all.includes(name));
  }
}, "Header fields that are shown and that are not");

for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
  promise_test(async () => {
    const token = newToken();
    const { xhr } = await send(method, respond(ANSWERS.once, { token, body: "done" }), { body: "sent" });
    assert_equals(xhr.responseText, "done");
    const records = (await seen(token)).filter((record) => !record.isPreflight);
    assert_equals(records.length, 1);
    assert_equals(records[0].body, "sent");
  }, `${method} with a body`);
}

promise_test(async () => {
  const token = newToken();
  const { xhr } = await send("GET", respond(ANSWERS.once, { token, body: "text" }), {
    prepare: (xhr) => xhr.setRequestHeader("X-Custom", "1"),
  });
  assert_equals(xhr.responseText, "text");
  const [preflight, request] = await seen(token);
  assert_true(preflight.isPreflight);
  assert_equals(headerOf(request, "x-custom"), "1");
}, "A header field that needs a preflight");

promise_test(async () => {
  const token = newToken();
  const uploads = [];
  const { xhr } = await send("POST", respond(ANSWERS.once, { token, body: "text" }), {
    body: "sent",
    prepare: (xhr) => {
      for (const type of ["loadstart", "load", "error", "loadend"]) {
        xhr.upload.addEventListener(type, () => uploads.push(type));
      }
    },
  });
  assert_equals(xhr.responseText, "text");
  assert_array_equals(uploads, ["loadstart", "load", "loadend"]);
  assert_true((await seen(token))[0].isPreflight, "listeners need a preflight");
}, "An upload that is listened to and allowed");

promise_test(async () => {
  const token = newToken();
  const uploads = [];
  const { xhr } = await send("POST", respond(ANSWERS.notNow, { token }), {
    body: "sent",
    prepare: (xhr) => {
      for (const type of ["loadstart", "load", "error", "loadend"]) {
        xhr.upload.addEventListener(type, () => uploads.push(type));
      }
    },
  });
  assert_equals(xhr.status, 0);
  assert_array_equals(uploads, ["loadstart", "error", "loadend"]);
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
}, "An upload that is listened to and declined");
