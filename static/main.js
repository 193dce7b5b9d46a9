import { shortenQuestion } from "./question.js";
import { tickAges } from "./ages.js";
import { keepBackLink, dismissNotes, focusSearch } from "./comfort.js";

shortenQuestion(document.querySelector("[data-question]"));
tickAges(document, Date.now());
dismissNotes(document);
focusSearch(document);
keepBackLink(document);
