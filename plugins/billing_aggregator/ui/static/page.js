// Makes the page nicer; everything works without it.
"use strict";

// Tab reaches a client's nights once; arrows, Home and End move between them.
for (const list of document.querySelectorAll(".nights")) {
  const links = [...list.querySelectorAll("a")];
  links.forEach((link, place) => { link.tabIndex = place === links.length - 1 ? 0 : -1; });
  list.addEventListener("keydown", (event) => {
    const at = links.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 }[event.key];
    if (at < 0 || to === undefined || !links[to]) return;
    event.preventDefault();
    links[at].tabIndex = -1;
    links[to].tabIndex = 0;
    links[to].focus();
  });
}

// Shows the clients whose name has what was typed.
const find = document.getElementById("find");
if (find) {
  const cards = [...document.querySelectorAll(".card")];
  const filter = () => {
    const wanted = find.value.trim().toLowerCase();
    for (const card of cards) card.hidden = !card.dataset.name.toLowerCase().includes(wanted);
    document.getElementById("nothing").hidden = cards.some((card) => !card.hidden);
  };
  find.addEventListener("input", filter);
  filter();
}
