// The official SDK as a page of a site uses it: it asks this site, whose app has the token, and says that it is a page of it.

const axios = require('axios');
const { createClient } = require('smartsheet');

// The SDK asks by this very axios.
axios.defaults.headers.common['X-CSRF'] = '1';
window.smartsheet = (options) => createClient({ baseUrl: '/auth/api/2.0/', ...options });
