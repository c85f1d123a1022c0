/**
 * The report's behaviour: search, filters, sorting, the overlay's opacity and the dialog. Plain DOM, no markup made from
 * text; styles are set through the object model, which the content security policy allows.
 */
export const reportScript = String.raw`
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const grid = byId("grid");
  if (!grid) return;
  const cards = [...grid.children];
  const tools = { search: byId("search"), status: byId("status"), class: byId("class"), order: byId("order") };
  const sliders = document.querySelectorAll("input.opacity");
  const methodChoices = document.querySelectorAll("select.method");

  const orders = {
    name: (a, b) => Number(a.dataset.position) - Number(b.dataset.position),
    uncertain: (a, b) => Number(a.dataset.probability) - Number(b.dataset.probability),
    certain: (a, b) => Number(b.dataset.probability) - Number(a.dataset.probability),
    incomplete: (a, b) => Number(b.dataset.incomplete) - Number(a.dataset.incomplete),
    class: (a, b) => Number(a.dataset.class) - Number(b.dataset.class) || Number(b.dataset.probability) - Number(a.dataset.probability),
  };
  const statuses = {
    all: () => true,
    succeeded: (card) => card.dataset.status === "succeeded",
    failed: (card) => card.dataset.status === "failed",
    open: (card) => card.dataset.converged === "no",
    warned: (card) => card.dataset.warned === "yes",
    wrong: (card) => card.dataset.agrees === "no",
  };

  function filter() {
    const words = tools.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const text = card.dataset.text;
      const fits = statuses[tools.status.value](card)
        && (tools.class.value === "all" || card.dataset.class === tools.class.value)
        && words.every((word) => text.includes(word));
      card.hidden = !fits;
      if (fits) shown++;
    }
    byId("shown").textContent = "Showing " + shown + " of " + cards.length + (cards.length === 1 ? " image" : " images");
  }

  function sort() {
    const compare = orders[tools.order.value];
    grid.append(...[...cards].sort((a, b) => compare(a, b) || orders.name(a, b)));
  }

  function chooseMethod(method) {
    for (const choice of methodChoices) choice.value = method;
    for (const layer of document.querySelectorAll(".layer")) layer.hidden = layer.dataset.method !== method;
  }

  function setOpacity(value) {
    document.documentElement.style.setProperty("--opacity", String(value / 100));
    for (const slider of sliders) {
      slider.value = value;
      slider.setAttribute("aria-valuetext", value + " percent");
    }
    for (const output of document.querySelectorAll(".opacity-value")) output.textContent = value + " %";
  }

  for (const name of ["status", "class"]) tools[name].addEventListener("change", filter);
  tools.search.addEventListener("input", filter);
  tools.order.addEventListener("change", sort);
  for (const choice of methodChoices) choice.addEventListener("change", () => chooseMethod(choice.value));
  for (const slider of sliders) slider.addEventListener("input", () => setOpacity(slider.value));

  const dialog = byId("details");
  let opener = null;
  grid.addEventListener("click", (event) => {
    const button = event.target.closest("button.open");
    if (!button) return;
    const card = button.closest(".card");
    opener = button;
    byId("details-title").textContent = card.querySelector(".file").textContent;
    byId("details-picture").replaceChildren(card.querySelector(".picture").cloneNode(true));
    byId("details-tools").hidden = !card.querySelector(".layer");
    byId("details-more").replaceChildren(...card.querySelector(".more").cloneNode(true).childNodes);
    dialog.showModal();
  });
  byId("details-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => opener?.focus());

  filter();
  sort();
  if (methodChoices.length > 0) chooseMethod(methodChoices[0].value);
  if (sliders.length > 0) setOpacity(sliders[0].value);
})();
`;
