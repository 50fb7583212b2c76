/* Before the first paint: the colours and the row height one chose, kept in two cookies that all modules of a host share. */
"use strict";
window.hive = {
  looks: { theme: ["light", "dark"], rows: ["dense"] },
  chosen(look) {
    const found = document.cookie.match(new RegExp(`(?:^|; )hm_${look}=([a-z]+)`));
    return found && hive.looks[look].includes(found[1]) ? found[1] : null;
  },
  look(look, value) {
    const root = document.documentElement;
    const name = look === "theme" ? "data-bs-theme" : "data-rows";
    if (value) root.setAttribute(name, value);
    else root.removeAttribute(name);
  },
  choose(look, value) {
    const kept = hive.looks[look].includes(value) ? value : null;
    document.cookie = `hm_${look}=${kept ?? ""}; Path=/; Max-Age=${kept ? 31536000 : 0}; Secure; SameSite=Lax`;
    hive.look(look, kept);
  },
};
document.documentElement.classList.add("js");
for (const look of Object.keys(hive.looks)) hive.look(look, hive.chosen(look));
