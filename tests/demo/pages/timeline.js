// Scene 1: read an API that wants a custom header, with XMLHttpRequest and nothing else.

import { authorization } from "/oauth.js";
import { onPress, playIfAutomatic, show } from "/scene.js";
import { keys, origins, paths } from "/world.js";

function read(url, header) {
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    xhr.open("GET", url);
    xhr.setRequestHeader("Authorization", header);
    xhr.onload = () =>
      resolve({
        outcome: "read",
        status: xhr.status,
        rateLimit: xhr.getResponseHeader("X-Rate-Limit-Remaining"),
        body: xhr.responseText,
      });
    xhr.onerror = () => resolve({ outcome: "refused", status: xhr.status });
    xhr.send();
  });
}

function showStatuses(statuses) {
  const list = document.getElementById("statuses");
  list.replaceChildren(
    ...statuses.map(({ author, text, minutes }) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.className = "author";
      name.textContent = author;
      const time = document.createElement("time");
      time.textContent = `${minutes} min`;
      item.append(name, time, document.createElement("br"), text);
      return item;
    }),
  );
}

async function attempt(verdict, label, url, header) {
  show(verdict, "", `${label}: asking…`);
  const { body, ...result } = await read(url, header);
  if (result.outcome === "refused") {
    show(verdict, "refused", `${label}: a network error, as always without CORS.`);
    return result;
  }
  const { statuses = [], error } = JSON.parse(body);
  if (error) {
    show(verdict, "refused", `${label}: the API answered ${result.status}. ${error}`);
    return { ...result, error };
  }
  showStatuses(statuses);
  show(verdict, "read", `${label}: ${statuses.length} posts read; ${result.rateLimit} calls left, says a response header.`);
  return { ...result, posts: statuses.length };
}

async function signed() {
  const url = new URL(`${paths.signed}?count=5`, origins.timeline);
  const header = await authorization("GET", url, keys);
  return attempt("verdict-signed", "Signed with OAuth 1.0a", url, header);
}

function bearer() {
  const url = new URL(paths.bearer, origins.timeline);
  return attempt("verdict-bearer", "With a bearer token", url, `Bearer ${keys.bearer}`);
}

onPress("run", signed);
onPress("run-bearer", bearer);
playIfAutomatic("timeline", async () => ({ signed: await signed(), bearer: await bearer() }));
