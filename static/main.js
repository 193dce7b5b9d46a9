import { shortenQuestion } from "./question.js";
import { tickAges } from "./ages.js";
import { dismissNotes, keepBackLink } from "./comfort.js";
import { changeTheme } from "./theme.js";
import { onKeys, openers, walkRows } from "./keyboard.js";
import { foretellCount, orderColumns, rememberPanel } from "./filters.js";

shortenQuestion(document.querySelector("[data-question]"));
tickAges(document, Date.now());
dismissNotes(document);
keepBackLink(document);
changeTheme(document);
rememberPanel(document);
foretellCount(document);
orderColumns(document);
onKeys(document, { ...walkRows(document), ...openers(document) });
