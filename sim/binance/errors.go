package binance

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"vedette/sim/exchange"
)

// apiError is an error in the venue's own shape: {"code":…,"msg":…}.
type apiError struct {
	status int
	code   int
	msg    string
	data   []byte // JSON, for cancel-replace
}

func (e *apiError) Error() string { return strconv.Itoa(e.code) + " " + e.msg }

// append writes the error's JSON.
func (e *apiError) append(dst []byte) []byte {
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendInt(dst, int64(e.code), 10)
	dst = append(dst, `,"msg":`...)
	dst = appendString(dst, e.msg)
	if e.data != nil {
		dst = append(dst, `,"data":`...)
		dst = append(dst, e.data...)
	}
	return append(dst, '}')
}

func fail(code int, msg string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, msg: msg}
}

// Errors that do not depend on the call, as the venue documents them.
func errKeyFormat() *apiError {
	return &apiError{status: http.StatusUnauthorized, code: -2014, msg: "API-key format invalid."}
}

func errKeyRejected() *apiError {
	return &apiError{status: http.StatusUnauthorized, code: -2015, msg: "Invalid API-key, IP, or permissions for action."}
}

func errSignature() *apiError { return fail(-1022, "Signature for this request is not valid.") }

func errAhead() *apiError {
	return fail(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
}

func errWindow() *apiError {
	return fail(-1021, "Timestamp for this request is outside of the recvWindow.")
}

func errMissing(name string) *apiError {
	return fail(-1102, "Mandatory parameter '"+name+"' was not sent, was empty/null, or malformed.")
}

func errIllegal(name string) *apiError {
	return fail(-1100, "Illegal characters found in parameter '"+name+"'.")
}

func errUnknownOrder() *apiError { return fail(-2011, "Unknown order sent.") }

func duplicate(name string) *apiError {
	return fail(-1101, fmt.Sprintf("Duplicate values for parameter '%.40s'.", name))
}

// parseError turns what the parameter parser says into the venue's error.
func parseError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return fail(-1135, "Invalid JSON or malformed parameters.")
}

// engineError turns a refusal of the engine into the venue's error. verb is "new"
// or "cancel", whose codes differ.
func engineError(err error) *apiError {
	var filter exchange.FilterError
	switch {
	case errors.As(err, &filter):
		if filter == "MAX_NUM_ORDERS" || filter == "MAX_NUM_ALGO_ORDERS" {
			return fail(-2010, "Filter failure: "+string(filter))
		}
		return fail(-1013, "Filter failure: "+string(filter))
	case errors.Is(err, exchange.ErrUnknownSymbol):
		return fail(-1121, "Invalid symbol.")
	case errors.Is(err, exchange.ErrInsufficient):
		return fail(-2010, "Account has insufficient balance for requested action.")
	case errors.Is(err, exchange.ErrWouldTake):
		return fail(-2010, "Order would immediately match and take.")
	case errors.Is(err, exchange.ErrWouldTrigger):
		return fail(-2010, "Stop price would trigger immediately.")
	case errors.Is(err, exchange.ErrDuplicate):
		return fail(-2010, "Duplicate order sent.")
	case errors.Is(err, exchange.ErrUnknownOrder):
		return errUnknownOrder()
	case errors.Is(err, exchange.ErrAmendQuantity):
		return fail(-2038, "The requested action would change no state; rejecting.")
	case errors.Is(err, exchange.ErrParameters):
		return fail(-1106, "Parameters sent do not fit the order type.")
	case errors.Is(err, exchange.ErrUnknownAccount):
		return errKeyRejected()
	}
	return fail(-1000, "An unknown error occurred while processing the request.")
}
