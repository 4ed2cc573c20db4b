// META: title=User-enabled CORS: all refusals of XMLHttpRequest are alike
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/refusals.sub.js

const TYPES = ["loadstart", "progress", "load", "error", "abort", "timeout", "loadend"];

// Everything that a page sees of a request.
function trace(url, { method = "GET", headers = {}, credentials, body } = {}) {
  const xhr = new XMLHttpRequest();
  const events = [];
  xhr.onreadystatechange = () => events.push([xhr.readyState, xhr.status, xhr.statusText, xhr.responseText]);
  for (const target of [xhr, ...(method === "GET" ? [] : [xhr.upload])]) {
    for (const type of TYPES) {
      target.addEventListener(type, (event) =>
        events.push([target === xhr ? type : `upload ${type}`, event.loaded, event.total, event.lengthComputable])
      );
    }
  }
  xhr.open(method, url);
  xhr.withCredentials = credentials === "include";
  for (const [name, value] of Object.entries(headers)) {
    xhr.setRequestHeader(name, value);
  }
  return new Promise((resolve) => {
    xhr.addEventListener("loadend", () => {
      events.push([xhr.responseURL, xhr.getAllResponseHeaders(), xhr.response]);
      resolve(JSON.stringify(events));
    });
    xhr.send(body);
  });
}

for (const [title, url, init] of refusals()) {
  promise_test(async () => {
    assert_equals(await trace(url, init), await trace(plainFailure(), init));
  }, `The same events as ever: ${title}`);
}
