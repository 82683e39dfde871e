// Calls the npm package perspective-api-client, unchanged, at the address in PERSPECTIVE_URL: the package has Google's
// in its code, so axios, which it calls by, is told to go elsewhere. Reads [[text, options], ...] from standard input
// and writes a list of what became of each.
'use strict';
const axios = require('axios');
const Perspective = require('perspective-api-client');

const GOOGLE = 'https://commentanalyzer.googleapis.com';
axios.interceptors.request.use(config => {
  config.url = config.url.replace(GOOGLE, process.env.PERSPECTIVE_URL);
  return config;
});

async function answered(client, [text, options]) {
  try {
    return {answer: await client.analyze(text, options)};
  } catch (error) {
    const status = error.response ? error.response.status : null;
    return {error: {name: error.name, message: error.message, status}};
  }
}

(async () => {
  const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const client = new Perspective({apiKey: process.env.PERSPECTIVE_KEY});
  const answers = [];
  for (const call of calls) {
    answers.push(await answered(client, call));
  }
  console.log(JSON.stringify(answers));
})();
