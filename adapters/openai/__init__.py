"""OpenAI, and servers that speak its protocol (vLLM, llama.cpp, Azure).

settings        what can be set
language_model  the LanguageModel port over chat completions or responses
transcription   the words of one utterance, by /v1/audio/transcriptions
chat            chat completions without I/O: a prompt to a request, chunks to text and tool calls
responses       the same for responses
tools           tools as OpenAI is told of them, and what a strict schema may hold
events          server-sent events without I/O
failures        what goes wrong, in the ports' words
client          the SDK's client with connections kept warm

The SDK makes the connections, the requests and the errors. Its typed methods and streams are left
out: `create()` takes 6 ms to look through a conversation of 20 messages, in which no other call
gets a frame (`post()` takes 2), its streams take 0.1 ms a token to build their types, and one that
ends with ``[DONE]`` leaves four async generators to the garbage collector, which trio objects to.
"""
