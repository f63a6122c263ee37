// The HTML as it was sent, by html-validate's recommended rules.

import { HtmlValidate } from 'html-validate';

// Check boxes for one answer with several parts have its name, as HTML means it; the rule knows that of radio buttons alone.
const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: { 'form-dup-name': ['error', { shared: ['radio', 'checkbox', 'button', 'reset', 'submit'] }] },
});

export async function validHtml({ answer }) {
  const { results } = await validator.validateString(await answer.body);
  return results.flatMap(({ messages }) => messages)
    .map(({ ruleId, message, line, column }) => `HTML ${line}:${column} ${ruleId}: ${message}`);
}
