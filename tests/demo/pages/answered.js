// Four servers for which the user is not asked.

import { onPress, playIfAutomatic, show } from "/scene.js";
import { origins } from "/world.js";

async function attempt(name) {
  const verdict = `case-${name}`;
  show(verdict, "", "asking…");
  try {
    const response = await fetch(origins[name]);
    const size = (await response.text()).length;
    show(verdict, "read", `${response.status}, ${size} characters`);
    return { outcome: "read", status: response.status };
  } catch (error) {
    show(verdict, "refused", "a network error, as always");
    return { outcome: "refused", error: error.name };
  }
}

async function all() {
  const results = {};
  for (const name of ["vault", "printer", "partner", "commons"]) {
    results[name] = await attempt(name);
  }
  return results;
}

onPress("run", all);
playIfAutomatic("answered", all);
