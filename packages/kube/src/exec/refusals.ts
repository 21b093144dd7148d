import type { TriggerError } from '@kube-trigger/core';
import type { Dispatcher } from 'undici';
import type { RequestAttributes } from '../http/api-path.js';
import { badResponse, networkError } from '../http/problems.js';
import { Answer } from '../http/requester.js';

const MAX_BYTES = 64 * 1024;

/**
 * For the handshake of a WebSocket: tells why it failed, of which undici's WebSocket says nothing. Anything but `101` is read to its end here
 * and made into the same errors as those of other requests.
 */
export function refusals(
  attributes: RequestAttributes,
  onRefused: (error: TriggerError) => void,
): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const answer = new Answer(() => attributes, MAX_BYTES);
    const refuse = (controller: Dispatcher.DispatchController, error: TriggerError): void => {
      onRefused(error);
      handler.onResponseError?.(controller, error);
    };
    return dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
      onResponseStart(_, status, headers) {
        if (status >= 200) answer.begin(status, headers);
      },
      onResponseData(_, chunk) {
        answer.add(chunk);
      },
      onResponseEnd(controller) {
        refuse(controller, refusalOf(answer, attributes));
      },
      onResponseError(controller, error) {
        refuse(controller, networkError(attributes, error));
      },
    });
  };
}

function refusalOf(answer: Answer, attributes: RequestAttributes): TriggerError {
  try {
    answer.parse();
  } catch (error) {
    return error as TriggerError;
  }
  return badResponse(attributes, 'the server, or a proxy in front of it, speaks no WebSocket');
}
