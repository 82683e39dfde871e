"""Where clients of the Perspective API call. At these paths alone a key may come in the query, as ``?key=``."""

ANALYZE = "/v1alpha1/comments:analyze"
SUGGEST_SCORE = "/v1alpha1/comments:suggestscore"
#: The first is Google's own for each of its services, the second that of its directory of all services.
DISCOVERY = ("/$discovery/rest", "/discovery/v1/apis/commentanalyzer/v1alpha1/rest")
PATHS = (ANALYZE, SUGGEST_SCORE, *DISCOVERY)
#: The parameter of the query that holds the key.
KEY_PARAMETER = "key"
