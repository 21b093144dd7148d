import { describeFilterContract } from '@kube-trigger/testing/contracts';
import { blackout, cel, debounce, throttle, window } from '../src/index.js';

const NIGHT = { schedule: '0 22 * * *', durationMinutes: 60, timeZone: 'Europe/Berlin' };
/** The suite's clock begins at midnight of a New Year's Day. */
const NEW_YEAR = { schedule: '0 0 1 1 *', durationMinutes: 60 };

describeFilterContract('cel', { plugin: cel, config: { expression: "event.change == 'updated'" } });
describeFilterContract('cel with fields that may not be there', {
  plugin: cel,
  config: { expression: "event.data.name == 'app-config' || 'app.conf' in event.changedKeys" },
});
describeFilterContract('cel with the object', {
  plugin: cel,
  config: { expression: "object.data.exists(key, object.data[key].contains('x')) || object.metadata.size() > 1" },
});
describeFilterContract('debounce', { plugin: debounce, config: { quietSeconds: 5 } });
describeFilterContract('throttle', { plugin: throttle, config: { limit: 3, periodSeconds: 60 }, remembers: true });
describeFilterContract('window that is closed', { plugin: window, config: NIGHT });
describeFilterContract('window that is open', { plugin: window, config: NEW_YEAR });
describeFilterContract('blackout', { plugin: blackout, config: NEW_YEAR });
describeFilterContract('blackout that is over', { plugin: blackout, config: NIGHT });
