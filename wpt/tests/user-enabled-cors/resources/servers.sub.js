// The servers of these tests, by what the user answers when a page asks to read them. How a browser comes to know that is
// its vendor's matter; for ours it is in answers.json.
//
// All are other sites than the test's. None sends a header field of CORS that it is not asked for.
const ANSWERS = {
  once: "https://{{hosts[alt][www1.www]}}:{{ports[https][0]}}",
  visit: "https://{{hosts[alt][www1.www1]}}:{{ports[https][0]}}",
  never: "https://{{hosts[alt][www1.www2]}}:{{ports[https][0]}}",
  notNow: "https://{{hosts[alt][]}}:{{ports[https][0]}}",
};

// Another that the user allows once, of the same site as ANSWERS.once.
const ONCE_TOO = "https://{{hosts[alt][www2.www]}}:{{ports[https][0]}}";

// The same host as ANSWERS.once, where it is not public or not secure.
const LOCAL = "https://{{hosts[alt][www1.www]}}:{{ports[https-private][0]}}";
const INSECURE = "http://{{hosts[alt][www1.www]}}:{{ports[http][0]}}";

const TEST_ORIGIN = "https://{{host}}:{{ports[https][0]}}";
const OTHER_ORIGIN = "https://other.example";

// The URL of a handler; a parameter that is an array is there several times.
function handler(origin, name, parameters = {}) {
  const url = new URL(`/user-enabled-cors/resources/${name}`, origin);
  for (const [key, values] of Object.entries(parameters)) {
    for (const value of [values].flat()) {
      url.searchParams.append(key, value);
    }
  }
  return url.href;
}

const respond = (origin, parameters) => handler(origin, "respond.py", parameters);
const redirect = (origin, location, parameters) => handler(origin, "redirect.py", { location, ...parameters });

let tokens = 0;
const newToken = () => `${Date.now()}-${Math.random()}-${++tokens}`;

// What the servers have seen under a token.
async function seen(token) {
  const response = await fetch(handler(TEST_ORIGIN, "records.py", { token }));
  return response.json();
}

const headerOf = (record, name) => {
  const field = record.headers.find(([key]) => key === name);
  return field ? field[1] : null;
};

const rejects = (test, promise) => promise_rejects_js(test, TypeError, promise);

// Opens a gate at which a handler holds a response.
const release = (gate) => fetch(handler(TEST_ORIGIN, "release.py", { gate }));

// Waits until something is so; what it depends on tells nobody of its changes.
async function eventually(t, condition, what, patience = 5000) {
  const end = performance.now() + patience;
  while (!(await condition())) {
    assert_less_than(performance.now(), end, what);
    await new Promise((resolve) => t.step_timeout(resolve, 10));
  }
}

// How a response ended that was to tell it under this token: whether all of it was sent.
async function endOf(t, token) {
  await eventually(t, async () => (await seen(token)).length > 0, "the response ends");
  return (await seen(token))[0].isComplete;
}

const exposing = (value) => `Access-Control-Expose-Headers:${value}`;
const ALLOW_ALL = "Access-Control-Allow-Origin:*";
const ALLOW_TEST = `Access-Control-Allow-Origin:${TEST_ORIGIN}`;
const ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials:true";
