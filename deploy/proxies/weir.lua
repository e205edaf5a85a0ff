-- Asks Weir about a request, and leaves what it says in variables of the transaction:
-- weir_status (absent when no node answers), weir_body, weir_limit, weir_policy, weir_retry_after.

local WEIR = "http://127.0.0.1:8080/v1/forward-auth"
local TIMEOUT_MS = 1000

-- They are of the connection or the body, or are said anew below.
local LEFT_OUT = {
  ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["expect"] = true,
  ["host"] = true, ["upgrade"] = true, ["x-forwarded-for"] = true, ["x-forwarded-host"] = true,
  ["x-forwarded-method"] = true, ["x-forwarded-uri"] = true, ["x-original-method"] = true,
  ["x-original-uri"] = true, ["x-original-url"] = true,
}

local KEPT = {
  ["ratelimit"] = "txn.weir_limit",
  ["ratelimit-policy"] = "txn.weir_policy",
  ["retry-after"] = "txn.weir_retry_after",
}

-- HAProxy counts values from 0, its client from 1.
local function headers_of(txn)
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not LEFT_OUT[name] then
      headers[name] = {}
      for index, value in pairs(values) do headers[name][index + 1] = value end
    end
  end
  headers["x-forwarded-method"] = { txn.f:method() }
  headers["x-forwarded-uri"] = { txn.f:pathq() }
  headers["x-forwarded-host"] = { txn.f:req_hdr("host") }
  headers["x-forwarded-for"] = { txn.f:src() }
  return headers
end

core.register_action("weir", { "http-req" }, function(txn)
  local answer = core.httpclient():get({
    url = WEIR, headers = headers_of(txn), timeout = TIMEOUT_MS,
  })
  if answer == nil or answer.status == 0 then return end
  txn:set_var("txn.weir_status", answer.status)
  txn:set_var("txn.weir_body", answer.body or "")
  for name, variable in pairs(KEPT) do
    local values = answer.headers and answer.headers[name]
    if values then txn:set_var(variable, values[0]) end
  end
end)
