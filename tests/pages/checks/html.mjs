// The HTML as it was sent, by html-validate's recommended rules.

import { HtmlValidate } from 'html-validate';

const validator = new HtmlValidate({ extends: ['html-validate:recommended'] });

export async function validHtml({ answer }) {
  const { results } = await validator.validateString(await answer.body);
  return results.flatMap(({ messages }) => messages)
    .map(({ ruleId, message, line, column }) => `HTML ${line}:${column} ${ruleId}: ${message}`);
}
